package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
)

type refreshSessionInput struct {
	Body struct {
		RefreshToken string `json:"refreshToken" format:"password" minLength:"1" maxLength:"128" doc:"Good once: the answer has the next." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
	}
}

// refreshSession spends a refresh token on new tokens of the same login. Whoever
// sends a spent one has it from somebody else, or somebody else has it: nobody can
// tell the thief, so the login ends for both (RFC 9700, section 4.14.2). A client
// that lost the answer signs in again.
//
// Nothing limits how often: a token has 256 random bits, which nobody guesses.
func (s *service) refreshSession(ctx context.Context, in *refreshSessionInput) (*createSessionOutput, error) {
	var (
		issued *createSessionOutput
		stolen bool
	)
	hash := hashSecret(in.Body.RefreshToken)
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		spent, role, err := lockSession(ctx, tx, hash)
		if err != nil {
			return err
		}
		if stolen = spent.Rotated; stolen {
			return deleteFamily(ctx, tx, spent.UserID, spent.FamilyID)
		}
		if !s.Now().Before(spent.ExpiresAt) {
			return sql.ErrNoRows
		}
		next, refreshToken, err := newSession(spent.UserID, s.Now())
		if err != nil {
			return err
		}
		next.FamilyID = spent.FamilyID
		// Signed before the token is spent: what can't be signed costs nobody a login.
		if issued, err = s.issue(next, role, refreshToken); err != nil {
			return err
		}
		return rotateSession(ctx, tx, spent, next)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, invalidRefreshToken()
	}
	if err != nil {
		return nil, fmt.Errorf("refresh a session: %w", err)
	}
	if stolen {
		slog.WarnContext(ctx, "a spent refresh token was sent again; its login has ended")
		return nil, invalidRefreshToken()
	}
	return issued, nil
}

func invalidRefreshToken() error {
	return api.NewProblem(http.StatusUnauthorized, "invalid_refresh_token", "The refresh token is not valid, or no longer. Sign in again: POST /v1/sessions.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
