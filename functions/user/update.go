package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/database"
)

type updateInput struct {
	api.IfMatch
	Body struct {
		Name *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What to call the person." example:"Ada King"`
	}
}

// Resolve checks what the schema cannot say.
func (in *updateInput) Resolve(huma.Context) []error {
	if in.Body.Name == nil || *in.Body.Name == "" { // "" is the schema's to refuse
		return nil
	}
	if fault := nameFault(*in.Body.Name); fault != "" {
		return []error{&huma.ErrorDetail{Location: "body.name", Message: fault}}
	}
	return nil
}

// update handles PATCH /v1/users/me.
//
// # Update the caller's account
//
// Changes the fields that are sent.
func (s *service) update(ctx context.Context, in *updateInput) (*answer, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	var u User
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if u, err = lockUser(ctx, tx, caller.UserID); err != nil {
			return err
		}
		if err := in.Check(u.Version); err != nil {
			return err
		}
		if in.Body.Name == nil || *in.Body.Name == u.Name {
			return nil
		}
		u.Name = *in.Body.Name
		u.Version++
		u.UpdatedAt = s.Now()
		return updateUser(ctx, tx, u)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("update user %s: %w", caller.UserID, err)
	}
	return show(u), nil
}
