package user

import (
	"cmp"
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
	"souk/shared/auth"
	"souk/shared/database"
)

type createPasskeyInput struct {
	Body struct {
		Challenge string `json:"challenge" format:"password" minLength:"1" maxLength:"128" doc:"The challenge of POST /v1/passkeys/challenges." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
		Name      string `json:"name" minLength:"1" maxLength:"100" doc:"A name by which the person recognizes the passkey." example:"Ada's key ring"`
		Passkey   string `json:"passkey" format:"password" minLength:"1" maxLength:"10240" doc:"The response of the authenticator as JSON: JSON.stringify(await navigator.credentials.create(...))."`
	}
}

type createPasskeyOutput struct {
	// CacheControl forbids caches to store the recovery codes.
	CacheControl string `header:"Cache-Control"`
	Body         createdPasskey
}

// createdPasskey is a new passkey, and the recovery codes that come with the first factor.
type createdPasskey struct {
	Factor
	RecoveryCodes []string `json:"recoveryCodes" maxItems:"10" doc:"Ten codes, each of which replaces the second factor once, or none if the account has them. They are shown only here: store them safely." example:"[\"7k3m-9xq2-dh4w-0b8t\"]"`
}

// passkeyCreate handles POST /v1/users/me/passkeys. It ignores an Idempotency-Key, because its
// response would be stored. The challenge is of a login within maxLoginAge.
//
// # Register a passkey
//
// Requires the challenge of a registration (POST /v1/passkeys/challenges) and the response of
// the authenticator, which must have verified its user. If the account had no second factor, ten
// recovery codes are returned, the password alone no longer signs in, all other sessions end,
// and all access tokens are revoked: refresh the session to get a new one. If it had one,
// recoveryCodes is empty.
func (s *service) passkeyCreate(ctx context.Context, in *createPasskeyInput) (*createPasskeyOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkPasskeys(); err != nil {
		return nil, err
	}
	p, err := s.finishRegistration(ctx, caller, hashSecret(in.Body.Challenge), in.Body.Passkey)
	if err != nil {
		return nil, err
	}
	p.Name = in.Body.Name
	out := &createPasskeyOutput{CacheControl: "no-store"}
	out.Body.Factor = Factor{ID: p.ID, Kind: "passkey", Name: p.Name, CreatedAt: p.CreatedAt}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		out.Body.RecoveryCodes, err = s.storePasskey(ctx, tx, caller, p, hashSecret(in.Body.Challenge))
		return err
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if database.IsDuplicate(err) {
		return nil, invalidPasskey("The passkey is registered already.")
	}
	if err != nil {
		return nil, fmt.Errorf("register a passkey of user %s: %w", caller.UserID, err)
	}
	if out.Body.RecoveryCodes == nil {
		out.Body.RecoveryCodes = []string{}
	}
	return out, nil
}

// finishRegistration checks the response of an authenticator and returns the new passkey.
func (s *service) finishRegistration(ctx context.Context, caller auth.Principal, token secretHash, response string) (passkey, error) {
	c, err := selectChallenge(ctx, s.DB, token, s.Now())
	if errors.Is(err, database.ErrNotFound) || err == nil && (c.Purpose != registrationPurpose || c.UserID != caller.UserID) {
		return passkey{}, invalidRegistration()
	}
	if err != nil {
		return passkey{}, fmt.Errorf("read a challenge of user %s: %w", caller.UserID, err)
	}
	var ceremony webauthn.SessionData
	if err := json.Unmarshal(c.Ceremony, &ceremony); err != nil {
		return passkey{}, fmt.Errorf("decode the ceremony of user %s: %w", caller.UserID, err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(response))
	if err != nil {
		return passkey{}, invalidPasskey("The response of the authenticator cannot be read. Send JSON.stringify of the result of navigator.credentials.create.")
	}
	credential, err := s.webAuthn.CreateCredential(passkeyOwner{id: caller.UserID}, ceremony, parsed)
	if err != nil {
		slog.InfoContext(ctx, "passkey refused", "user", caller.UserID, "reason", passkeyReason(err))
		return passkey{}, invalidPasskey("The response of the authenticator is not valid for this challenge and shop. Start again: POST /v1/passkeys/challenges.")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return passkey{}, fmt.Errorf("create the id of a passkey: %w", err)
	}
	return passkey{
		ID: id, UserID: caller.UserID, CredentialID: credential.ID, PublicKey: credential.PublicKey, SignCount: int64(credential.Authenticator.SignCount),
		BackupEligible: credential.Flags.BackupEligible, Transports: knownTransports(credential), CreatedAt: s.Now(),
	}, nil
}

// storePasskey stores a new passkey and spends its challenge.
func (s *service) storePasskey(ctx context.Context, tx *database.Tx, caller auth.Principal, p passkey, token secretHash) ([]string, error) {
	owner, err := lockOwner(ctx, tx, caller.UserID)
	if err != nil {
		return nil, err
	}
	if err := checkLogin(ctx, tx, caller); err != nil {
		return nil, err
	}
	if deleted, err := deleteChallenge(ctx, tx, token); err != nil || !deleted {
		return nil, cmp.Or(err, invalidRegistration())
	}
	existing, err := selectPasskeys(ctx, tx, owner.ID)
	if err != nil {
		return nil, err
	}
	if len(existing) >= maxPasskeys {
		return nil, tooManyPasskeys()
	}
	if err := insertPasskey(ctx, tx, p); err != nil {
		return nil, err
	}
	return s.addFactor(ctx, tx, owner, caller.SessionID, passkeyAdded)
}

// passkeyReason returns the description of an error of the library, which names no value.
func passkeyReason(err error) string {
	if described, ok := errors.AsType[*protocol.Error](err); ok {
		return described.Details
	}
	return "unknown"
}

// invalidRegistration returns the problem of a challenge that registers no passkey of the caller.
func invalidRegistration() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_challenge", "The challenge is invalid, expired or used, or of another account or purpose. Start again: POST /v1/passkeys/challenges.")
}

// invalidPasskey returns the problem of the response of an authenticator that is refused.
func invalidPasskey(detail string) error {
	return api.NewProblem(http.StatusBadRequest, "invalid_passkey", "%s", detail)
}
