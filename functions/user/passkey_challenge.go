package user

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-webauthn/webauthn/webauthn"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

// The purposes of challenges of passkeys in requests.
const (
	purposeSignIn       = "sign-in"
	purposeRegistration = "registration"
)

type challengePasskeyInput struct {
	Body struct {
		Purpose string `json:"purpose" enum:"sign-in,registration" doc:"registration adds a passkey to the caller's account." example:"sign-in"`
	}
}

type challengePasskeyOutput struct {
	// CacheControl forbids caches to store the challenge.
	CacheControl string `header:"Cache-Control"`
	Body         passkeyChallenge
}

// passkeyChallenge is the begin of a ceremony with a passkey.
type passkeyChallenge struct {
	Challenge string         `json:"challenge" doc:"The token that continues the sign-in (POST /v1/sessions/confirm) or the registration (POST /v1/users/me/passkeys), within five minutes." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
	Options   map[string]any `json:"options" doc:"The options of WebAuthn as JSON. In a browser: navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)}) to sign in, navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)}) to register."`
}

// passkeyChallenge handles POST /v1/passkeys/challenges. A sign-in names no account, so that its
// response cannot reveal whether there is one: the passkey does.
//
// # Start with a passkey
//
// Starts a sign-in with a passkey, or the registration of one. A registration requires an access
// token, and a sign-in within the last minutes (POST /v1/sessions): a refreshed token is not
// enough.
func (s *service) passkeyChallenge(ctx context.Context, in *challengePasskeyInput) (*challengePasskeyOutput, error) {
	if err := s.checkPasskeys(); err != nil {
		return nil, err
	}
	if err := s.login.spendOfNetwork(ctx, s.login.settings.passkeys()); err != nil {
		return nil, fmt.Errorf("start with a passkey: %w", err)
	}
	next := challenge{Purpose: passkeyPurpose, ExpiresAt: s.Now().Add(challengeTTL)}
	var options any
	var ceremony *webauthn.SessionData
	if in.Body.Purpose == purposeRegistration {
		caller, signedIn := auth.PrincipalFrom(ctx)
		if !signedIn {
			return nil, api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The registration of a passkey needs an access token. Sign in first: POST /v1/sessions.").
				WithHeader("WWW-Authenticate", "Bearer")
		}
		creation, data, err := s.beginRegistration(ctx, caller)
		if err != nil {
			return nil, err
		}
		next.Purpose, next.UserID = registrationPurpose, caller.UserID
		options, ceremony = creation, data
	} else {
		assertion, data, err := s.webAuthn.BeginDiscoverableLogin()
		if err != nil {
			return nil, fmt.Errorf("begin a sign-in with a passkey: %w", err)
		}
		options, ceremony = assertion.Response, data
	}
	return s.storeCeremony(ctx, next, ceremony, options)
}

// beginRegistration returns the options and the state of a new registration.
func (s *service) beginRegistration(ctx context.Context, caller auth.Principal) (options any, ceremony *webauthn.SessionData, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		u, err := lockUser(ctx, tx, caller.UserID)
		if err != nil {
			return err
		}
		if err := s.checkRecentLogin(ctx, tx, caller); err != nil {
			return err
		}
		owner := passkeyOwner{id: u.ID, name: u.Email, displayName: u.Name}
		if owner.passkeys, err = selectPasskeys(ctx, tx, u.ID); err != nil {
			return err
		}
		if len(owner.passkeys) >= maxPasskeys {
			return tooManyPasskeys()
		}
		creation, data, err := s.webAuthn.BeginRegistration(owner, webauthn.WithCredentialParameters(passkeyAlgorithms), webauthn.WithExclusions(owner.exclusions()))
		if err != nil {
			return err
		}
		options, ceremony = creation.Response, data
		return nil
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil, accountDeleted()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("begin the registration of a passkey of user %s: %w", caller.UserID, err)
	}
	return options, ceremony, nil
}

// storeCeremony stores a challenge and returns its response.
func (s *service) storeCeremony(ctx context.Context, next challenge, ceremony *webauthn.SessionData, options any) (*challengePasskeyOutput, error) {
	var err error
	if next.Ceremony, err = json.Marshal(ceremony); err != nil {
		return nil, fmt.Errorf("encode a ceremony: %w", err)
	}
	out := &challengePasskeyOutput{CacheControl: "no-store"}
	text, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("encode the options of a ceremony: %w", err)
	}
	if err := json.Unmarshal(text, &out.Body.Options); err != nil {
		return nil, fmt.Errorf("decode the options of a ceremony: %w", err)
	}
	token, hash := newSecret()
	out.Body.Challenge = token
	if err := insertChallenge(ctx, s.DB, hash, next); err != nil {
		return nil, fmt.Errorf("store a challenge: %w", err)
	}
	return out, nil
}

func tooManyPasskeys() error {
	return api.NewProblem(http.StatusConflict, "too_many_passkeys", "An account has at most %d passkeys. Remove one first: GET /v1/users/me/second-factor lists them.", maxPasskeys)
}
