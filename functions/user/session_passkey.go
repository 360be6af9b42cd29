package user

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// confirmPasskey opens a session for the response of a passkey, which names its account. The
// signature cannot be guessed, so that attempts are not limited beyond those of the challenge.
func (s *service) confirmPasskey(ctx context.Context, token secretHash, c challenge, response string) (*createSessionOutput, error) {
	if err := s.checkPasskeys(); err != nil {
		return nil, err
	}
	if spent, err := spendChallenge(ctx, s.DB, token, maxChallengeTries, s.Now()); err != nil {
		return nil, fmt.Errorf("spend a challenge: %w", err)
	} else if !spent {
		return nil, invalidChallenge()
	}
	used, err := s.checkPasskey(ctx, c, response)
	if errors.Is(err, errWrongFactor) {
		return nil, wrongPasskey()
	}
	if err != nil {
		return nil, fmt.Errorf("check a passkey: %w", err)
	}
	account, err := selectPasswordVersion(ctx, s.DB, used.UserID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, wrongPasskey()
	}
	if err != nil {
		return nil, fmt.Errorf("read user %s: %w", used.UserID, err)
	}
	out, err := s.completeSession(ctx, token, account, func(ctx context.Context, tx *database.Tx) (bool, error) {
		return spendSignCount(ctx, tx, used, s.Now())
	})
	if errors.Is(err, errWrongFactor) {
		slog.WarnContext(ctx, "signature counter of a passkey did not grow; it may be cloned", "user", used.UserID, "passkey", used.ID)
		return nil, wrongPasskey()
	}
	if err != nil {
		return nil, fmt.Errorf("complete a sign-in of user %s: %w", used.UserID, err)
	}
	return out, nil
}

// checkPasskey checks the response of an authenticator and returns its passkey with the new
// signature counter. The error is errWrongFactor for one that is not valid.
func (s *service) checkPasskey(ctx context.Context, c challenge, response string) (passkey, error) {
	var ceremony webauthn.SessionData
	if err := json.Unmarshal(c.Ceremony, &ceremony); err != nil {
		return passkey{}, fmt.Errorf("decode a ceremony: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(response))
	if err != nil {
		return passkey{}, errWrongFactor
	}
	var used passkey
	var failed error
	find := func(rawID, userHandle []byte) (webauthn.User, error) {
		id, err := uuid.FromBytes(userHandle)
		if err != nil {
			return nil, errWrongFactor
		}
		if used, err = selectPasskey(ctx, s.DB, id, rawID); err != nil && !errors.Is(err, database.ErrNotFound) {
			failed = err
		}
		return passkeyOwner{id: id, passkeys: []passkey{used}}, err
	}
	_, credential, err := s.webAuthn.ValidatePasskeyLogin(find, ceremony, parsed)
	if failed != nil {
		return passkey{}, fmt.Errorf("read a passkey: %w", failed)
	}
	if err != nil {
		slog.InfoContext(ctx, "sign-in with a passkey refused", "reason", passkeyReason(err))
		return passkey{}, errWrongFactor
	}
	if credential.Authenticator.CloneWarning {
		slog.WarnContext(ctx, "signature counter of a passkey did not grow; it may be cloned", "user", used.UserID, "passkey", used.ID)
		return passkey{}, errWrongFactor
	}
	used.SignCount = int64(credential.Authenticator.SignCount)
	return used, nil
}

// wrongPasskey returns the problem of the response of a passkey that signs in to no account. It
// does not reveal why.
func wrongPasskey() error {
	return api.NewProblem(http.StatusUnauthorized, "wrong_passkey", "The passkey is not registered, or its response is not valid for this challenge and shop. Use another passkey, or sign in with a password: POST /v1/sessions.").
		WithHeader("WWW-Authenticate", "Bearer")
}
