package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/database"
)

type updateInput struct {
	api.IfMatch
	Body struct {
		Name *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"The name with which e-mails address the person." example:"Ada King"`
	}
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express.
func (in *updateInput) Resolve(huma.Context) []error {
	if in.Body.Name == nil || *in.Body.Name == "" { // the schema rejects ""
		return nil
	}
	if message := validateName(*in.Body.Name); message != "" {
		return []error{api.FieldError{Location: "body.name", Code: api.FieldFormat, Message: message}}
	}
	return nil
}

// update handles PATCH /v1/users/me.
//
// # Update the caller's account
//
// Changes the fields that are sent.
func (s *service) update(ctx context.Context, in *updateInput) (*userResponse, error) {
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
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("update user %s: %w", caller.UserID, err)
	}
	return newResponse(u), nil
}
