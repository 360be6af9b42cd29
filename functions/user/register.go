package user

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/user/internal/password"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

type registerInput struct {
	Body struct {
		Email    string `json:"email" minLength:"1" maxLength:"254" doc:"The e-mail address of the account. It is the login name; case is ignored." example:"ada@example.com"`
		Password string `json:"password" format:"password" minLength:"8" maxLength:"128" doc:"8 to 128 characters of any kind. Common passwords, the e-mail address and the name are rejected." example:"seven green bicycles"`
		Name     string `json:"name" minLength:"1" maxLength:"200" doc:"The name with which e-mails address the person." example:"Ada Lovelace"`
	}
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express; huma
// reports its errors together with the schema's.
func (in *registerInput) Resolve(huma.Context) []error {
	var errs []error
	check := func(location, value, code, message string) {
		if value != "" && message != "" { // the schema rejects ""
			errs = append(errs, api.FieldError{Location: location, Code: code, Message: message})
		}
	}
	check("body.email", in.Body.Email, api.FieldFormat, validateEmail(in.Body.Email))
	check("body.password", in.Body.Password, api.FieldCommonPassword, password.Validate(in.Body.Password, in.Body.Email, in.Body.Name))
	check("body.name", in.Body.Name, api.FieldFormat, validateName(in.Body.Name))
	return errs
}

type registerOutput struct{ Body Registration }

// register handles POST /v1/users. Only the mail reveals whether the address has an
// account: the response, and the work for it, are the same (docs/adr/0012, 0026).
//
// # Register an account
//
// The account is created when the address is confirmed with the token that is mailed to
// it. A newer registration of the same address replaces this one.
func (s *service) register(ctx context.Context, in *registerInput) (*registerOutput, error) {
	if err := s.login.spendOfNetwork(ctx, s.login.settings.mailRequests()); err != nil {
		return nil, fmt.Errorf("register an account: %w", err)
	}
	u, err := newUser(in.Body.Email, in.Body.Name, auth.Customer, s.Now())
	if err != nil {
		return nil, err
	}
	r := Registration{ID: u.ID, Email: u.Email, Name: u.Name, CreatedAt: u.CreatedAt, ExpiresAt: u.CreatedAt.Add(registrationTTL)}
	hash, err := s.passwords.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", r.ID, err)
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := insertRegistration(ctx, tx, r, hash); err != nil {
			return err
		}
		if err := deleteReplacedRegistrations(ctx, tx, r); err != nil {
			return err
		}
		return topicRegistrationRequested.Add(ctx, tx, s.Outbox, r.ID, registrationRequested{RegistrationID: r.ID})
	})
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", r.ID, err)
	}
	return &registerOutput{Body: r}, nil
}
