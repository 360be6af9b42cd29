package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type updateAddressInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Name       *string `json:"name,omitempty" minLength:"1" maxLength:"200" example:"Amira Haddad"`
		Line1      *string `json:"line1,omitempty" minLength:"1" maxLength:"200" example:"12 Market Street"`
		Line2      *string `json:"line2,omitempty" nullable:"true" maxLength:"200" doc:"An empty text takes it away." example:"Third floor"`
		PostalCode *string `json:"postalCode,omitempty" minLength:"1" maxLength:"20" example:"10115"`
		City       *string `json:"city,omitempty" minLength:"1" maxLength:"100" example:"Berlin"`
		Country    *string `json:"country,omitempty" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1 alpha-2 code." example:"DE"`
	}
}

// Resolve checks what the schema cannot say.
func (in *updateAddressInput) Resolve(huma.Context) []error {
	b := &in.Body
	return lineFaults(line{"body.name", b.Name}, line{"body.line1", b.Line1}, line{"body.line2", b.Line2},
		line{"body.postalCode", b.PostalCode}, line{"body.city", b.City})
}

// updateAddress changes the lines of an address that the caller sends.
func (s *service) updateAddress(ctx context.Context, in *updateAddressInput) (*addressAnswer, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	var a Address
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if a, err = lockAddress(ctx, tx, caller.UserID, in.ID); err != nil {
			return err
		}
		if err := in.Check(a.Version); err != nil {
			return err
		}
		before := a
		if in.apply(&a); a == before {
			return nil
		}
		a.Version++
		a.UpdatedAt = s.Now()
		return updateAddressRow(ctx, tx, a)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, s.unlessGone(ctx, caller.UserID, api.NotFound("address", in.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("update address %s: %w", in.ID, err)
	}
	return showAddress(a), nil
}

func (in *updateAddressInput) apply(a *Address) {
	for _, l := range []struct{ line, value *string }{
		{&a.Name, in.Body.Name},
		{&a.Line1, in.Body.Line1},
		{&a.Line2, in.Body.Line2},
		{&a.PostalCode, in.Body.PostalCode},
		{&a.City, in.Body.City},
		{&a.Country, in.Body.Country},
	} {
		if l.value != nil {
			*l.line = *l.value
		}
	}
}
