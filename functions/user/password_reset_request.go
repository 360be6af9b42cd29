package user

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// passwordResetTTL is the lifetime of a mailed token that resets a password.
const passwordResetTTL = 30 * time.Minute

// passwordReset is a requested reset of a password.
type passwordReset struct {
	ID        uuid.UUID
	EmailKey  string
	CreatedAt time.Time
	ExpiresAt time.Time
}

type requestPasswordResetInput struct {
	Body struct {
		Email string `json:"email" minLength:"1" maxLength:"254" example:"ada@example.com"`
	}
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express.
func (in *requestPasswordResetInput) Resolve(huma.Context) []error {
	if message := validateEmail(in.Body.Email); in.Body.Email != "" && message != "" {
		return []error{api.FieldError{Location: "body.email", Code: api.FieldFormat, Message: message}}
	}
	return nil
}

// accepted sets the status of a successful response to 202: the request was stored and
// is processed later.
func accepted(operation *huma.Operation) { operation.DefaultStatus = http.StatusAccepted }

// passwordResetRequest handles POST /v1/password-resets. It does not read the account,
// so that its response cannot reveal whether there is one: password-reset-mail does.
//
// # Request a password reset
//
// Sends a mail with a token if the address belongs to an account. The response is the
// same in both cases.
func (s *service) passwordResetRequest(ctx context.Context, in *requestPasswordResetInput) (*struct{}, error) {
	if err := s.login.spendOfNetwork(ctx, s.login.settings.mailRequests()); err != nil {
		return nil, fmt.Errorf("request a password reset: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create the id of a password reset: %w", err)
	}
	now := s.Now()
	r := passwordReset{ID: id, EmailKey: emailKey(in.Body.Email), CreatedAt: now, ExpiresAt: now.Add(passwordResetTTL)}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := insertPasswordReset(ctx, tx, r); err != nil {
			return err
		}
		return topicPasswordResetRequested.Add(ctx, tx, s.Outbox, r.ID, passwordResetRequested{ResetID: r.ID})
	})
	if err != nil {
		return nil, fmt.Errorf("request password reset %s: %w", r.ID, err)
	}
	return nil, nil //nolint:nilnil // the 202 has no body
}
