package user

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

// maxChallengeTries is the maximum number of codes that are checked for one challenge.
const maxChallengeTries = 5

type confirmSessionInput struct {
	Body struct {
		Challenge string `json:"challenge" format:"password" minLength:"1" maxLength:"128" doc:"The challenge of the response to the password, or of POST /v1/passkeys/challenges." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
		Code      string `json:"code,omitempty" format:"password" maxLength:"64" doc:"The code of the authenticator app, of six digits, or a recovery code. Required after a password." example:"287082"`
		Passkey   string `json:"passkey,omitempty" format:"password" maxLength:"8192" doc:"The response of the authenticator as JSON: JSON.stringify(await navigator.credentials.get(...)). Required for a sign-in with a passkey."`
	}
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express.
func (in *confirmSessionInput) Resolve(huma.Context) []error {
	switch {
	case in.Body.Code == "" && in.Body.Passkey == "":
		return []error{api.FieldError{Location: "body.code", Code: api.FieldRequired, Message: "is required, or passkey for a sign-in with a passkey"}}
	case in.Body.Code != "" && in.Body.Passkey != "":
		return []error{api.FieldError{Location: "body.passkey", Code: api.FieldValue, Message: "must not be sent with code"}}
	}
	return nil
}

// sessionConfirm handles POST /v1/sessions/confirm.
//
// # Complete a sign-in
//
// Returns an access token and a refresh token for the challenge of a sign-in and its second
// factor: after a password a code of the authenticator app or a recovery code, each of which is
// accepted once; or the response of a passkey. A challenge is valid for five minutes, for one
// success and five codes.
func (s *service) sessionConfirm(ctx context.Context, in *confirmSessionInput) (*createSessionOutput, error) {
	token := hashSecret(in.Body.Challenge)
	c, err := selectChallenge(ctx, s.DB, token, s.Now())
	if errors.Is(err, database.ErrNotFound) {
		return nil, invalidChallenge()
	}
	if err != nil {
		return nil, fmt.Errorf("read a challenge: %w", err)
	}
	switch {
	case c.Purpose == passwordPurpose && in.Body.Code != "":
		return s.confirmCode(ctx, token, c, in.Body.Code)
	case c.Purpose == passkeyPurpose && in.Body.Passkey != "":
		return s.confirmPasskey(ctx, token, c, in.Body.Passkey)
	default:
		return nil, invalidChallenge()
	}
}

// confirmCode opens a session for a code, after the password was checked. The limits are spent
// before the code is checked, so that concurrent attempts do not exceed them.
func (s *service) confirmCode(ctx context.Context, token secretHash, c challenge, code string) (*createSessionOutput, error) {
	account := credentials{UserID: c.UserID, PasswordVersion: c.PasswordVersion, SecondFactor: true}
	t, err := s.login.spendSecondFactor(ctx, account)
	if err != nil {
		return nil, err
	}
	if t.rejection != nil && !t.familiar {
		return nil, t.rejection
	}
	if spent, err := spendChallenge(ctx, s.DB, token, maxChallengeTries, s.Now()); err != nil {
		return nil, fmt.Errorf("spend a challenge of user %s: %w", c.UserID, err)
	} else if !spent {
		return nil, invalidChallenge()
	}
	out, err := s.completeSession(ctx, token, account, func(ctx context.Context, tx *database.Tx) (bool, error) {
		return s.checkCode(ctx, tx, account, code)
	})
	if errors.Is(err, errWrongFactor) {
		return nil, cmp.Or(t.rejection, invalidCode())
	}
	if err != nil {
		return nil, fmt.Errorf("complete a sign-in of user %s: %w", c.UserID, err)
	}
	return out, s.login.recordSuccess(ctx, t, account, true)
}

// errWrongFactor reports that the second factor is wrong.
var errWrongFactor = errors.New("wrong second factor")

// completeSession opens a session of an account in the transaction that checks its second
// factor and spends the challenge.
func (s *service) completeSession(ctx context.Context, token secretHash, c credentials, check func(context.Context, *database.Tx) (bool, error)) (*createSessionOutput, error) {
	opened, refreshToken, err := s.session.open(c.UserID, s.Now())
	if err != nil {
		return nil, err
	}
	var current rights
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		locked, err := lockCredentials(ctx, tx, c.UserID)
		if errors.Is(err, database.ErrNotFound) || err == nil && (locked.PasswordVersion != c.PasswordVersion || !locked.SecondFactor) {
			return invalidChallenge() // the account has changed since the first step
		}
		if err != nil {
			return err
		}
		if correct, err := check(trail.ByAccount(ctx, c.UserID, locked.Role), tx); err != nil || !correct {
			return cmp.Or(err, errWrongFactor)
		}
		if deleted, err := deleteChallenge(ctx, tx, token); err != nil || !deleted {
			return cmp.Or(err, invalidChallenge())
		}
		current, err = storeSession(ctx, tx, opened, locked)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.issue(opened, current, refreshToken)
}

var totpCode = regexp.MustCompile(`^[0-9]{6}$`)

// checkCode reports whether a code of the authenticator app or a recovery code of a locked
// account is valid, and records its use.
func (s *service) checkCode(ctx context.Context, tx *database.Tx, c credentials, code string) (bool, error) {
	if !totpCode.MatchString(code) {
		spent, err := spendRecoveryCode(ctx, tx, c.UserID, code, s.Now())
		if err != nil || !spent {
			return false, err
		}
		return true, s.publishFactorChange(ctx, tx, c.UserID, recoveryCodeUsed)
	}
	app, err := selectTOTP(ctx, tx, c.UserID)
	if errors.Is(err, database.ErrNotFound) || err == nil && !app.Confirmed {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.spendCode(ctx, tx, c.UserID, app, code)
}

// secondFactorRequired returns the problem of a password that does not suffice.
func secondFactorRequired(token string) error {
	p := api.NewProblem(http.StatusUnauthorized, "second_factor_required", "The password is right, and the account has a second factor. "+
		"Send the challenge with a code of the authenticator app, or a recovery code, to POST /v1/sessions/confirm within %d minutes, or sign in with a passkey: POST /v1/passkeys/challenges.", int(challengeTTL.Minutes()))
	p.Challenge = token
	return p.WithHeader("WWW-Authenticate", "Bearer")
}

// invalidChallenge returns the problem of a challenge that cannot be continued.
func invalidChallenge() error {
	return api.NewProblem(http.StatusUnauthorized, "invalid_challenge", "The challenge is invalid, expired or used, or of another kind of sign-in. Sign in again: POST /v1/sessions or POST /v1/passkeys/challenges.").
		WithHeader("WWW-Authenticate", "Bearer")
}

// invalidCode returns the problem of a wrong second factor of a sign-in.
func invalidCode() error {
	return api.NewProblem(http.StatusUnauthorized, "wrong_code", "The code is wrong, or was used already. Send the next code of the authenticator app, or a recovery code that was not used.").
		WithHeader("WWW-Authenticate", "Bearer")
}
