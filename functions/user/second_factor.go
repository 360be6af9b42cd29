package user

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/internal/totp"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/trail"
)

// secondFactorSettings are the environment variables of the second factor of sign-ins.
type secondFactorSettings struct {
	// Roles must have a second factor. A session of such an account without one has the rights
	// of a customer.
	Roles []auth.Role `env:"USER_SECOND_FACTOR_ROLES"`
	// Keys encrypt the secrets of authenticator apps: see totp.Keys.
	Keys config.Secret `env:"SECOND_FACTOR_KEYS"`
}

// totpFunctions are the functions that read or write the secrets of authenticator apps.
var totpFunctions = []string{"session-confirm", "totp-create", "totp-confirm"}

var roleName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// loadSecondFactor loads the settings of the second factor.
func (s *service) loadSecondFactor() error {
	settings, err := config.Load[secondFactorSettings](s.Environment)
	if err != nil {
		return err
	}
	for _, role := range settings.Roles {
		if !roleName.MatchString(string(role)) || role == auth.Customer {
			return fmt.Errorf("USER_SECOND_FACTOR_ROLES has %q: expected roles of staff, separated by commas", role)
		}
	}
	s.secondFactorRoles = settings.Roles
	if !slices.ContainsFunc(totpFunctions, s.Serves) {
		return nil
	}
	if s.totpKeys, err = totp.ParseKeys(settings.Keys.Reveal()); err != nil {
		return fmt.Errorf("SECOND_FACTOR_KEYS: %w", err)
	}
	return nil
}

// mustEnrol reports whether an account lacks the second factor that its role needs.
func (s *service) mustEnrol(r rights) bool {
	return !r.SecondFactor && slices.Contains(s.secondFactorRoles, r.Role)
}

// factorChange is a change of the second factor of an account.
type factorChange string

const (
	totpAdded            factorChange = "totp_added"
	totpRemoved          factorChange = "totp_removed"
	passkeyAdded         factorChange = "passkey_added"
	passkeyRemoved       factorChange = "passkey_removed"
	recoveryCodesCreated factorChange = "recovery_codes_created"
	recoveryCodeUsed     factorChange = "recovery_code_used"
	secondFactorReset    factorChange = "reset"
	secondFactorReverted factorChange = "reverted"
)

// secondFactorChanged is the payload of second-factor-changed.
type secondFactorChanged struct {
	UserID uuid.UUID    `json:"userId"`
	Change factorChange `json:"change"`
}

// factorOwner is a locked account whose second factor changes.
type factorOwner struct {
	ID    uuid.UUID
	Email string
	// SecondFactor is whether the account has one.
	SecondFactor bool
}

// lockFactorOwner locks the account of a caller whose login is recent.
func (s *service) lockFactorOwner(ctx context.Context, tx *database.Tx, caller auth.Principal) (factorOwner, error) {
	owner, err := lockOwner(ctx, tx, caller.UserID)
	if err != nil {
		return factorOwner{}, err
	}
	return owner, s.checkRecentLogin(ctx, tx, caller)
}

// checkLogin returns a problem if the caller's login has ended: what it has begun cannot be completed by
// a token whose revocation this instance has not read. The account must be locked, as it is when
// logins end.
func checkLogin(ctx context.Context, tx *database.Tx, caller auth.Principal) error {
	found, err := hasLogin(ctx, tx, caller.UserID, caller.SessionID)
	if err != nil {
		return fmt.Errorf("read the login of user %s: %w", caller.UserID, err)
	}
	if !found {
		return api.NewProblem(http.StatusUnauthorized, api.CodeTokenRevoked, "The session of the token has ended. Sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	return nil
}

// addFactor completes the enrolment of a factor of a locked account. With the first factor all
// other sessions end, access tokens are revoked, because their rights may have depended on it,
// and the recovery codes are returned.
func (s *service) addFactor(ctx context.Context, tx *database.Tx, owner factorOwner, session uuid.UUID, change factorChange) (codes []string, err error) {
	if !owner.SecondFactor {
		if codes, err = replaceRecoveryCodes(ctx, tx, owner.ID, s.Now()); err != nil {
			return nil, err
		}
		if err := s.setSecondFactor(ctx, tx, owner.ID, session, true); err != nil {
			return nil, err
		}
	}
	return codes, s.publishFactorChange(ctx, tx, owner.ID, change)
}

// setSecondFactor stores whether an account has a second factor. It ends all sessions but one,
// and revokes all access tokens.
func (s *service) setSecondFactor(ctx context.Context, tx *database.Tx, userID, session uuid.UUID, has bool) error {
	if err := updateSecondFactor(ctx, tx, userID, has); err != nil {
		return err
	}
	if err := deleteOtherFamilies(ctx, tx, userID, session); err != nil {
		return err
	}
	return s.revokeTokens(ctx, tx, userID)
}

// publishFactorChange records a change in the trail, and publishes it.
func (s *service) publishFactorChange(ctx context.Context, tx *database.Tx, userID uuid.UUID, change factorChange) error {
	if err := recordChange(ctx, tx, userID, nil, trail.Fields{"secondFactor": change}, s.Now()); err != nil {
		return err
	}
	return topicSecondFactorChanged.Add(ctx, tx, s.Outbox, userID, secondFactorChanged{UserID: userID, Change: change})
}

// replaceRecoveryCodes replaces the recovery codes of an account, and returns the new ones.
func replaceRecoveryCodes(ctx context.Context, tx *database.Tx, userID uuid.UUID, at time.Time) ([]string, error) {
	if err := deleteRecoveryCodes(ctx, tx, userID); err != nil {
		return nil, err
	}
	codes := totp.NewRecoveryCodes()
	return codes, insertRecoveryCodes(ctx, tx, userID, codes, at)
}

// recoveryCodes is a response with recovery codes.
type recoveryCodes struct {
	RecoveryCodes []string `json:"recoveryCodes" maxItems:"10" doc:"Ten codes, each of which replaces the second factor once. They are shown only here: store them safely." example:"[\"7k3m-9xq2-dh4w-0b8t\"]"`
}

// wrongCode returns the problem of a wrong code of a caller's own authenticator app. Its status
// is 403, not 401, because the caller's token is valid.
func wrongCode() error {
	return api.NewProblem(http.StatusForbidden, "wrong_code", "The code is wrong, or was used already. Send the current code of the app, and check that the clock of its device is right.")
}

// noSecondFactor returns the problem of an account that has no second factor.
func noSecondFactor() error {
	return api.NewProblem(http.StatusConflict, "no_second_factor", "The account has no second factor. Add an authenticator app (POST /v1/users/me/totp) or a passkey (POST /v1/passkeys/challenges) first.")
}

// setupTTL is how long an authenticator app can be confirmed, and the lifetime of a challenge.
const (
	setupTTL     = time.Hour
	challengeTTL = 5 * time.Minute
)
