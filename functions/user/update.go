package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/user/internal/vatnumber"
	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/database"
)

type updateInput struct {
	api.IfMatch
	Body struct {
		Name      *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"The name with which e-mails address the person." example:"Ada King"`
		Phone     *string `json:"phone,omitempty" nullable:"true" maxLength:"40" doc:"With the country code (ITU-T E.164). Spaces, hyphens, dots and brackets are removed. The number is not verified." example:"+493012345678"`
		VATNumber *string `json:"vatNumber,omitempty" nullable:"true" maxLength:"40" doc:"A value added tax identification number that begins with its country. Spaces, hyphens and dots are removed. Its form is checked, not whether it was issued." example:"DE123456789"`
	}
}

// Resolve implements huma.Resolver. It normalizes numbers, and checks rules that the schema
// cannot express.
func (in *updateInput) Resolve(huma.Context) []error {
	var errs []error
	normalize := func(location string, value *string, rule func(string) (string, error)) {
		if value == nil || *value == "" { // cleared, or refused by the schema
			return
		}
		normalized, err := rule(*value)
		if err != nil {
			errs = append(errs, api.FieldError{Location: location, Code: api.FieldFormat, Message: err.Error()})
			return
		}
		*value = normalized
	}
	normalize("body.name", in.Body.Name, func(name string) (string, error) {
		if message := validateName(name); message != "" {
			return "", errors.New(message)
		}
		return name, nil
	})
	normalize("body.phone", in.Body.Phone, address.Phone)
	normalize("body.vatNumber", in.Body.VATNumber, vatnumber.Parse)
	return errs
}

// apply sets the fields that the request has.
func (in *updateInput) apply(u *User) {
	set := func(target, value *string) {
		if value != nil {
			*target = *value
		}
	}
	set(&u.Name, in.Body.Name)
	set(&u.Phone, in.Body.Phone)
	set(&u.VATNumber, in.Body.VATNumber)
}

// update handles PATCH /v1/users/me.
//
// # Update the caller's account
//
// Changes the fields that are sent. null or an empty string clears the phone number and the
// VAT number. Neither of them is verified. The e-mail address is changed by
// POST /v1/users/me/email-changes.
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
		before := u
		if in.apply(&u); u == before {
			return nil
		}
		u.Version++
		u.UpdatedAt = s.Now()
		if err := updateUser(ctx, tx, u); err != nil {
			return err
		}
		if err := replaceWords(ctx, tx, u.ID, u.Name); err != nil {
			return err
		}
		return recordChange(ctx, tx, u.ID, before, u, u.UpdatedAt)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("update user %s: %w", caller.UserID, err)
	}
	return newResponse(u), nil
}
