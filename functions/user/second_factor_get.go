package user

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// SecondFactor is what an account has to sign in besides its password.
type SecondFactor struct {
	Required      bool     `json:"required" doc:"Whether the role of the account needs a second factor. Without one, its sessions have the rights of a customer."`
	Factors       []Factor `json:"factors" doc:"The authenticator app and the passkeys."`
	RecoveryCodes int      `json:"recoveryCodes" doc:"The number of recovery codes that were not used." example:"10"`
}

// Factor is an authenticator app or a passkey.
type Factor struct {
	ID        uuid.UUID  `json:"id" format:"uuid"`
	Kind      string     `json:"kind" enum:"totp,passkey" doc:"totp is an authenticator app."`
	Name      string     `json:"name,omitempty" doc:"The name of a passkey." example:"Ada's key ring"`
	CreatedAt time.Time  `json:"createdAt"`
	UsedAt    *time.Time `json:"usedAt,omitempty" doc:"The time of the last sign-in with a passkey."`
}

type secondFactorOutput struct{ Body SecondFactor }

// secondFactorGet handles GET /v1/users/me/second-factor.
//
// # Get the caller's second factor
//
// Returns the authenticator app, the passkeys and the number of recovery codes.
func (s *service) secondFactorGet(ctx context.Context, _ *struct{}) (*secondFactorOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	out := &secondFactorOutput{}
	out.Body, err = s.readSecondFactor(ctx, caller.UserID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("get the second factor of user %s: %w", caller.UserID, err)
	}
	return out, nil
}

// readSecondFactor returns the second factor of an account.
func (s *service) readSecondFactor(ctx context.Context, id uuid.UUID) (f SecondFactor, err error) {
	u, err := selectUser(ctx, s.DB, id)
	if err != nil {
		return f, err
	}
	f.Required = s.mustEnrol(rights{Role: u.Role})
	if f.Factors, err = selectFactors(ctx, s.DB, id); err != nil {
		return f, fmt.Errorf("read factors: %w", err)
	}
	if f.RecoveryCodes, err = countRecoveryCodes(ctx, s.DB, id); err != nil {
		return f, fmt.Errorf("count recovery codes: %w", err)
	}
	return f, nil
}
