package user

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/emailaddress"
)

// User is an account, as its owner sees it.
type User struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	Email     string    `json:"email" doc:"The e-mail address as it was entered." example:"ada@example.com"`
	Name      string    `json:"name" example:"Ada Lovelace"`
	Role      auth.Role `json:"role" enum:"customer,admin"`
	Version   int64     `json:"version" doc:"The number of the account's current version. It is also the ETag." example:"1"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// ETag is the entity tag of the account.
func (u User) ETag() string { return api.ETag(u.Version) }

// userResponse is the response that shows one account.
type userResponse = api.Resource[User]

func newResponse(u User) *userResponse { return &userResponse{ETag: u.ETag(), Body: u} }

// credentials are the data against which a login is checked. They are not part of User,
// so that no response and no log entry can contain the hash of a password.
type credentials struct {
	UserID       uuid.UUID
	Role         auth.Role
	PasswordHash string
	// PasswordVersion counts the passwords of the account. A login that was checked
	// against an older version creates no session.
	PasswordVersion int64
}

// newUser returns a new account with a new id.
func newUser(email, name string, role auth.Role, now time.Time) (User, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return User{}, fmt.Errorf("create a user id: %w", err)
	}
	return User{
		ID: id, Email: strings.TrimSpace(email), Name: strings.TrimSpace(name), Role: role,
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// emailKey returns the key of an e-mail address: two addresses with the same key belong
// to the same account. RFC 5321 allows hosts to distinguish the case of the local part,
// but hardly any host does, and people do not remember the case that they entered.
func emailKey(email string) string { return strings.ToLower(emailaddress.Normalize(email)) }

// validateEmail returns an error message for an invalid e-mail address, or "".
func validateEmail(email string) string {
	if err := emailaddress.Check(emailaddress.Normalize(email)); err != nil {
		return err.Error()
	}
	return ""
}

// validateName returns an error message for an invalid name of a person, or "".
func validateName(name string) string {
	if strings.TrimSpace(name) == "" {
		return "must contain a visible character"
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return "must not contain control characters"
	}
	return ""
}

func invalidCredentials() error {
	return api.NewProblem(http.StatusUnauthorized, "invalid_credentials", "The e-mail address or the password is wrong, or the address is not confirmed yet: confirm it with the token from the mail.").
		WithHeader("WWW-Authenticate", "Bearer")
}

// accountDeleted returns the problem of an access token whose account was deleted.
func accountDeleted() error {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The account of this access token was deleted. Sign in with another account.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
