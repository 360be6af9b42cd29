package user

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
)

const (
	// accessTokenTTL is how long an access token is valid, unless it is revoked: the
	// bound for rights that have ended where the event does not arrive.
	accessTokenTTL = auth.AccessTokenTTL
	// sessionTTL is how long a refresh token is valid. No token outlives the session
	// (see sessionSettings).
	sessionTTL = 30 * 24 * time.Hour
)

type createSessionInput struct {
	Body struct {
		Email    string `json:"email" minLength:"1" maxLength:"254" example:"ada@example.com"`
		Password string `json:"password" format:"password" minLength:"1" maxLength:"128" example:"seven green bicycles"`
	}
}

type createSessionOutput struct {
	// CacheControl is RFC 6749's, section 5.1: nobody may keep tokens but the client.
	CacheControl string `header:"Cache-Control"`
	Body         tokens
}

type tokens struct {
	AccessToken  string `json:"accessToken" doc:"Send it as Authorization: Bearer." example:"eyJhbGciOiJFUzI1NiIs..."`
	TokenType    string `json:"tokenType" enum:"Bearer"`
	ExpiresIn    int64  `json:"expiresIn" doc:"Seconds that the access token is good for." example:"900"`
	RefreshToken string `json:"refreshToken" doc:"Keep it secret: it stands for the password." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
}

// session is what is kept of a refresh token.
type session struct {
	ID uuid.UUID
	// FamilyID is shared by all refresh tokens that come of one login.
	FamilyID    uuid.UUID
	UserID      uuid.UUID
	RefreshHash secretHash
	// SignedInAt is the time of the family's login.
	SignedInAt time.Time
	CreatedAt  time.Time
	ExpiresAt  time.Time
	// RotatedAt is when the token was first spent on another of its family, zero if
	// it was not.
	RotatedAt time.Time
}

// sessionCreate handles POST /v1/sessions. A wrong password and an unknown account have
// the same response and cost the same work.
//
// # Sign in
//
// Returns an access token and a refresh token. Requires a confirmed e-mail address and
// its password.
func (s *service) sessionCreate(ctx context.Context, in *createSessionInput) (*createSessionOutput, error) {
	c, err := s.checkPassword(ctx, emailKey(in.Body.Email), in.Body.Password)
	if err != nil {
		return nil, fmt.Errorf("create a session: %w", err)
	}
	if !c.right {
		return nil, invalidCredentials()
	}
	if c.outdated {
		if err := s.rehash(ctx, c.credentials, in.Body.Password); err != nil {
			return nil, fmt.Errorf("create a session of user %s: %w", c.UserID, err)
		}
	}
	return s.openSession(ctx, c.credentials)
}

// rehash replaces a hash that was made with older parameters. Nothing but a
// login knows the password it takes.
func (s *service) rehash(ctx context.Context, c credentials, password string) error {
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	if err := updatePasswordHash(ctx, s.DB, c.UserID, c.PasswordVersion, hash); err != nil {
		return fmt.Errorf("rehash the password: %w", err)
	}
	return nil
}

// openSession makes a session and returns its tokens.
func (s *service) openSession(ctx context.Context, c credentials) (*createSessionOutput, error) {
	opened, refreshToken, err := s.session.open(c.UserID, s.Now())
	if err != nil {
		return nil, err
	}
	current, err := s.keepSession(ctx, opened, c.PasswordVersion)
	if err != nil {
		return nil, fmt.Errorf("create a session of user %s: %w", c.UserID, err)
	}
	return s.issue(opened, current, refreshToken)
}

// issue returns the tokens of a session that is kept.
func (s *service) issue(of session, current rights, refreshToken string) (*createSessionOutput, error) {
	caller := auth.Principal{UserID: of.UserID, Role: current.Role, SessionID: of.FamilyID, RightsVersion: current.Version}
	// Near the end of a session the access token ends with it.
	ttl := min(accessTokenTTL, of.ExpiresAt.Sub(of.CreatedAt))
	accessToken, err := s.signer.Sign(caller, of.CreatedAt, ttl)
	if err != nil {
		return nil, err
	}
	return &createSessionOutput{CacheControl: "no-store", Body: tokens{
		AccessToken: accessToken, TokenType: "Bearer", ExpiresIn: int64(ttl / time.Second), RefreshToken: refreshToken,
	}}, nil
}

// keepSession stores a session, and returns the rights that its tokens are to have:
// those of its transaction, which a change of role or password waits for or revokes.
func (s *service) keepSession(ctx context.Context, opened session, passwordVersion int64) (current rights, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		inserted, err := insertSession(ctx, tx, opened, passwordVersion)
		if err != nil {
			return err
		}
		if !inserted { // the password changed, or the account went, while it was checked
			return invalidCredentials()
		}
		if current, err = lockRights(ctx, tx, opened.UserID); err != nil {
			return err
		}
		return deleteExpiredSessions(ctx, tx, opened.UserID, opened.CreatedAt)
	})
	return current, err
}

// open returns the session of a new login, and its refresh token.
func (c sessionSettings) open(userID uuid.UUID, now time.Time) (session, string, error) {
	opened, refreshToken, err := c.next(session{UserID: userID, SignedInAt: now}, now)
	opened.FamilyID = opened.ID
	return opened, refreshToken, err
}

// next returns the session that follows another one of the same login, and its
// refresh token.
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
