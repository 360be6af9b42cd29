package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/functions/user/internal/totp"
	"souk/shared/api"
	"souk/shared/database"
)

type createTOTPOutput struct {
	// CacheControl forbids caches to store the secret.
	CacheControl string `header:"Cache-Control"`
	Body         totpSetup
}

// totpSetup is what an authenticator app needs.
type totpSetup struct {
	Secret string `json:"secret" doc:"The secret in base32, to type it into an app." example:"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"`
	URL    string `json:"url" doc:"The secret as an otpauth URL, to show it as a QR code." example:"otpauth://totp/Souk:ada@example.com?algorithm=SHA1&digits=6&issuer=Souk&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"`
}

// totpCreate handles POST /v1/users/me/totp. It ignores an Idempotency-Key, because its
// response would be stored: a repeated request returns a new secret.
//
// # Set up an authenticator app
//
// Returns a secret for an authenticator app (TOTP, RFC 6238). It is shown only here, and has no
// effect until it is confirmed with a code, within an hour (POST /v1/users/me/totp/confirm). A
// newer secret replaces one that is not confirmed. Requires a sign-in within the last minutes
// (POST /v1/sessions): a refreshed token is not enough.
func (s *service) totpCreate(ctx context.Context, _ *struct{}) (*createTOTPOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	var secret totp.Secret
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		owner, err := s.lockFactorOwner(ctx, tx, caller)
		if err != nil {
			return err
		}
		confirmed, err := isTOTPConfirmed(ctx, tx, owner.ID)
		if err != nil {
			return err
		}
		if confirmed {
			return hasTOTP()
		}
		if secret, err = totp.NewSecret(owner.Email); err != nil {
			return err
		}
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("create the id of an authenticator app: %w", err)
		}
		app := authenticatorApp{ID: id, Secret: s.totpKeys.Seal(owner.ID, secret.Text), CreatedAt: s.Now()}
		return replaceTOTP(ctx, tx, owner.ID, app)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("set up an authenticator app of user %s: %w", caller.UserID, err)
	}
	out := &createTOTPOutput{CacheControl: "no-store"}
	out.Body.Secret, out.Body.URL = secret.Text, secret.URL
	return out, nil
}

// hasTOTP returns the problem of an account that has an authenticator app.
func hasTOTP() error {
	return api.NewProblem(http.StatusConflict, "totp_exists", "The account has an authenticator app. Remove it first: GET /v1/users/me/second-factor lists it.")
}
