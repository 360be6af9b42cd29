package user

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
)

type refreshSessionInput struct {
	Body struct {
		RefreshToken string `json:"refreshToken" format:"password" minLength:"1" maxLength:"128" doc:"The refresh token of the previous response. It can be used once; the response contains the next one." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
	}
}

// sessionRefresh handles POST /v1/sessions/refresh.
//
// A token that is reused after the reuse interval is known to two parties, and the
// service cannot determine which of them stole it: the session ends for both, with all
// tokens that descend from it (RFC 9700, section 4.14.2). No refresh extends a session
// beyond its maximum age.
//
// The rate is not limited: a token has 256 random bits and cannot be guessed.
//
// # Refresh a session
//
// Returns new tokens for a refresh token, which is spent. A spent token is accepted
// again for 30 seconds, for two tabs of a browser that refresh at the same time, and
// for a client that repeats a request whose response was lost: each gets a token of its
// own. Later use of it ends the session.
func (s *service) sessionRefresh(ctx context.Context, in *refreshSessionInput) (*createSessionOutput, error) {
	var (
		issued *createSessionOutput
		stolen bool
	)
	hash := hashSecret(in.Body.RefreshToken)
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		spent, rights, err := lockSession(ctx, tx, hash)
		if err != nil {
			return err
		}
		now := s.Now()
		if stolen = s.session.isReused(spent, now); stolen {
			return s.endSession(ctx, tx, spent.UserID, spent.FamilyID)
		}
		if !now.Before(spent.ExpiresAt) {
			return database.ErrNotFound
		}
		next, refreshToken, err := s.session.next(spent, now)
		if err != nil {
			return err
		}
		// Signed before the token is spent, so that a failure to sign does not end the login.
		if issued, err = s.issue(next, rights, refreshToken); err != nil {
			return err
		}
		return rotateSession(ctx, tx, spent, next)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, invalidRefreshToken()
	}
	if err != nil {
		return nil, fmt.Errorf("refresh a session: %w", err)
	}
	if stolen {
		slog.WarnContext(ctx, "spent refresh token reused after the reuse interval; session ended")
		return nil, invalidRefreshToken()
	}
	return issued, nil
}

func invalidRefreshToken() error {
	return api.NewProblem(http.StatusUnauthorized, "invalid_refresh_token", "The refresh token is invalid, expired or spent. Sign in again: POST /v1/sessions.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
