package user

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/auth"
	"souk/shared/database"
)

const (
	// accessTokenTTL is the lifetime of an access token that is not revoked. It bounds how
	// long a token retains rights that were withdrawn if the event does not arrive.
	accessTokenTTL = auth.AccessTokenTTL
	// sessionTTL is the lifetime of a refresh token. No token outlives the session (see
	// sessionSettings).
	sessionTTL = 30 * 24 * time.Hour
)

type createSessionInput struct {
	Body struct {
		Email    string `json:"email" minLength:"1" maxLength:"254" example:"ada@example.com"`
		Password string `json:"password" format:"password" minLength:"1" maxLength:"128" example:"seven green bicycles"`
	}
}

type createSessionOutput struct {
	// CacheControl forbids caches to store tokens (RFC 6749, section 5.1).
	CacheControl string `header:"Cache-Control"`
	Body         tokens
}

type tokens struct {
	AccessToken  string `json:"accessToken" doc:"The access token. Send it in the Authorization header, as a Bearer token." example:"eyJhbGciOiJFUzI1NiIs..."`
	TokenType    string `json:"tokenType" enum:"Bearer"`
	ExpiresIn    int64  `json:"expiresIn" doc:"The lifetime of the access token in seconds." example:"900"`
	SecondFactor string `json:"secondFactor,omitempty" enum:"enrolment_required" doc:"Present if the role of the account needs a second factor that the account does not have. The session has the rights of a customer until one was added (POST /v1/users/me/totp or POST /v1/passkeys/challenges) and the session refreshed."`
	RefreshToken string `json:"refreshToken" doc:"The token that refreshes the session. Protect it like a password." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
}

// session is the stored state of a refresh token.
type session struct {
	ID uuid.UUID
	// FamilyID is shared by all refresh tokens of one login.
	FamilyID    uuid.UUID
	UserID      uuid.UUID
	RefreshHash secretHash
	// SignedInAt is the time of the family's login.
	SignedInAt time.Time
	CreatedAt  time.Time
	ExpiresAt  time.Time
	// RotatedAt is the time when the token was first spent, zero if it was not.
	RotatedAt time.Time
}

// sessionCreate handles POST /v1/sessions. A wrong password and an unknown account have
// the same response and cost the same work.
//
// # Sign in
//
// Returns an access token and a refresh token. Requires a confirmed e-mail address and
// its password. If the account has a second factor, the response to the right password is a 401
// with the code second_factor_required and a challenge: send it with a code to POST
// /v1/sessions/confirm within five minutes. Accounts with a passkey can sign in without a
// password (POST /v1/passkeys/challenges).
func (s *service) sessionCreate(ctx context.Context, in *createSessionInput) (*createSessionOutput, error) {
	c, err := s.checkPassword(ctx, emailKey(in.Body.Email), in.Body.Password)
	if err != nil {
		return nil, fmt.Errorf("create a session: %w", err)
	}
	if !c.correct {
		return nil, invalidCredentials()
	}
	if c.outdated {
		if err := s.rehash(ctx, c.credentials, in.Body.Password); err != nil {
			return nil, fmt.Errorf("create a session of user %s: %w", c.UserID, err)
		}
	}
	if c.SecondFactor {
		return nil, s.challengePassword(ctx, c.credentials)
	}
	return s.openSession(ctx, c.credentials)
}

// challengePassword stores that the password of an account was checked, and returns the problem
// with the token that continues the sign-in.
func (s *service) challengePassword(ctx context.Context, c credentials) error {
	token, hash := newSecret()
	next := challenge{Purpose: passwordPurpose, UserID: c.UserID, PasswordVersion: c.PasswordVersion, ExpiresAt: s.Now().Add(challengeTTL)}
	if err := insertChallenge(ctx, s.DB, hash, next); err != nil {
		return fmt.Errorf("challenge user %s: %w", c.UserID, err)
	}
	return secondFactorRequired(token)
}

// passwordCheck is the result of checking a password. It has credentials only if the
// password was correct.
type passwordCheck struct {
	credentials
	correct bool
	// outdated reports whether the hash was created with older parameters.
	outdated bool
}

// checkPassword checks the password of an account, which is given by the key of its
// e-mail address and may not exist. It returns a problem with status 429 and does not
// check the password after too many attempts. The queue is checked before the database
// is read, so that the rejection of a flood is cheap.
func (s *service) checkPassword(ctx context.Context, account, password string) (passwordCheck, error) {
	turn, err := s.passwords.Turn()
	if err != nil {
		return passwordCheck{}, err
	}
	defer turn.End()
	c, err := selectCredentials(ctx, s.DB, account)
	if errors.Is(err, database.ErrNotFound) {
		c, err = credentials{PasswordHash: passwordhash.Placeholder()}, nil
	}
	if err != nil {
		return passwordCheck{}, fmt.Errorf("read credentials: %w", err)
	}
	t, err := s.login.spend(ctx, account, c)
	if err != nil {
		return passwordCheck{}, err
	}
	if t.rejection != nil && !t.familiar {
		if err := turn.Imitate(ctx); err != nil {
			return passwordCheck{}, err
		}
		return passwordCheck{}, t.rejection
	}
	same, outdated, err := turn.Check(ctx, password, c.PasswordHash)
	if err != nil { // the password was not checked
		return passwordCheck{}, errors.Join(err, s.login.refund(context.WithoutCancel(ctx), t))
	}
	if !same || c.UserID == uuid.Nil {
		return passwordCheck{}, t.rejection
	}
	// The password alone does not make a network familiar, if it is not all that signs in.
	return passwordCheck{credentials: c, correct: true, outdated: outdated}, s.login.recordSuccess(ctx, t, c, !c.SecondFactor)
}

// rehash replaces a hash that was created with older parameters. Only a login can do
// this, because it needs the password.
func (s *service) rehash(ctx context.Context, c credentials, password string) error {
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	if err := updatePasswordHash(ctx, s.DB, c.UserID, c.PasswordVersion, hash); err != nil {
		return fmt.Errorf("rehash password: %w", err)
	}
	return nil
}

// openSession creates a session and returns its tokens.
func (s *service) openSession(ctx context.Context, c credentials) (*createSessionOutput, error) {
	opened, refreshToken, err := s.session.open(c.UserID, s.Now())
	if err != nil {
		return nil, err
	}
	var current rights
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		current, err = storeSession(ctx, tx, opened, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create a session of user %s: %w", c.UserID, err)
	}
	return s.issue(opened, current, refreshToken)
}

// issue returns the tokens of a stored session.
func (s *service) issue(stored session, current rights, refreshToken string) (*createSessionOutput, error) {
	caller := auth.Principal{UserID: stored.UserID, Role: current.Role, Permissions: current.Permissions, SessionID: stored.FamilyID, RightsVersion: current.Version}
	enrolment := ""
	if s.mustEnrol(current) {
		caller.Role, caller.Permissions, enrolment = auth.Customer, 0, "enrolment_required"
	}
	// An access token does not outlive its session.
	ttl := min(accessTokenTTL, stored.ExpiresAt.Sub(stored.CreatedAt))
	accessToken, err := s.signer.Sign(caller, stored.CreatedAt, ttl)
	if err != nil {
		return nil, err
	}
	return &createSessionOutput{CacheControl: "no-store", Body: tokens{
		AccessToken: accessToken, TokenType: "Bearer", ExpiresIn: int64(ttl / time.Second), SecondFactor: enrolment, RefreshToken: refreshToken,
	}}, nil
}

// storeSession stores a session, and returns the user's rights in the same transaction.
// A concurrent change of role, password or second factor waits for it, or revokes the session's
// tokens.
func storeSession(ctx context.Context, tx *database.Tx, opened session, c credentials) (current rights, err error) {
	inserted, err := insertSession(ctx, tx, opened, c)
	if err != nil {
		return current, err
	}
	if !inserted { // the password or second factor was changed or the account deleted in the meantime
		return current, invalidCredentials()
	}
	if current, err = lockRights(ctx, tx, opened.UserID); err != nil {
		return current, err
	}
	if err := recordSignIn(ctx, tx, opened, current.Role); err != nil {
		return current, err
	}
	return current, deleteExpiredSessions(ctx, tx, opened.UserID, opened.CreatedAt)
}

// open returns the session of a new login, and its refresh token.
func (c sessionSettings) open(userID uuid.UUID, now time.Time) (session, string, error) {
	opened, refreshToken, err := c.next(session{UserID: userID, SignedInAt: now}, now)
	opened.FamilyID = opened.ID
	return opened, refreshToken, err
}

// next returns the session that succeeds a spent one of the same login, and its refresh
// token.
func (c sessionSettings) next(spent session, now time.Time) (session, string, error) {
	refreshToken, hash := newSecret()
	id, err := uuid.NewV7()
	if err != nil {
		return session{}, "", fmt.Errorf("create a session id: %w", err)
	}
	expiresAt := now.Add(sessionTTL)
	if end := spent.SignedInAt.Add(c.MaxAge); end.Before(expiresAt) {
		expiresAt = end
	}
	return session{
		ID: id, FamilyID: spent.FamilyID, UserID: spent.UserID, RefreshHash: hash,
		SignedInAt: spent.SignedInAt, CreatedAt: now, ExpiresAt: expiresAt,
	}, refreshToken, nil
}
