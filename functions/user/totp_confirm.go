package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/functions/user/internal/totp"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

type confirmTOTPInput struct {
	Body struct {
		Code string `json:"code" pattern:"^[0-9]{6}$" patternDescription:"a code of six digits" doc:"The current code of the app." example:"287082"`
	}
}

type recoveryCodesOutput struct {
	// CacheControl forbids caches to store the codes.
	CacheControl string `header:"Cache-Control"`
	Body         recoveryCodes
}

// totpConfirm handles POST /v1/users/me/totp/confirm. It ignores an Idempotency-Key, because
// its response would be stored.
//
// # Confirm an authenticator app
//
// Requires a code of the app that was set up within the last hour. From now on every sign-in
// needs a code. If the account had no second factor, ten recovery codes are returned, all other
// sessions end, and all access tokens are revoked: refresh the session to get a new one. If it
// had one, recoveryCodes is empty, and the codes that it has remain valid.
func (s *service) totpConfirm(ctx context.Context, in *confirmTOTPInput) (*recoveryCodesOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	out := &recoveryCodesOutput{CacheControl: "no-store"}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		owner, err := lockOwner(ctx, tx, caller.UserID)
		if errors.Is(err, database.ErrNotFound) {
			return accountDeleted()
		}
		if err != nil {
			return err
		}
		out.Body.RecoveryCodes, err = s.confirmTOTP(ctx, tx, owner, caller, in.Body.Code)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("confirm the authenticator app of user %s: %w", caller.UserID, err)
	}
	if out.Body.RecoveryCodes == nil {
		out.Body.RecoveryCodes = []string{}
	}
	return out, nil
}

// confirmTOTP confirms the authenticator app of a locked account.
func (s *service) confirmTOTP(ctx context.Context, tx *database.Tx, owner factorOwner, caller auth.Principal, code string) ([]string, error) {
	if err := checkLogin(ctx, tx, caller); err != nil {
		return nil, err
	}
	app, err := selectTOTP(ctx, tx, owner.ID)
	now := s.Now()
	if errors.Is(err, database.ErrNotFound) || err == nil && (app.Confirmed || now.Sub(app.CreatedAt) >= setupTTL) {
		return nil, api.NewProblem(http.StatusConflict, "totp_not_set_up", "There is no authenticator app to confirm. Set one up first: POST /v1/users/me/totp.")
	}
	if err != nil {
		return nil, err
	}
	matched, err := s.spendCode(ctx, tx, owner.ID, app, code)
	if err != nil {
		return nil, err
	}
	if !matched {
		return nil, wrongCode()
	}
	if err := updateTOTPConfirmed(ctx, tx, owner.ID, now); err != nil {
		return nil, err
	}
	return s.addFactor(ctx, tx, owner, caller.SessionID, totpAdded)
}

// spendCode reports whether a code of an authenticator app is valid, and records its use.
func (s *service) spendCode(ctx context.Context, tx *database.Tx, userID uuid.UUID, app authenticatorApp, code string) (bool, error) {
	secret, err := s.totpKeys.Open(userID, app.Secret)
	if err != nil {
		return false, fmt.Errorf("open the TOTP secret of user %s: %w", userID, err)
	}
	step, matched := totp.Match(secret, code, s.Now(), app.LastStep)
	if !matched {
		return false, nil
	}
	return spendTOTPStep(ctx, tx, userID, step)
}
