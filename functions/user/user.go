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

// User is an account, as its owner may see it.
type User struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	Email     string    `json:"email" doc:"As it was typed." example:"ada@example.com"`
	Name      string    `json:"name" example:"Ada Lovelace"`
	Role      auth.Role `json:"role" enum:"customer,admin"`
	Version   int64     `json:"version" doc:"Counts the changes." example:"1"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// ETag is the entity tag of the account.
func (u User) ETag() string { return api.ETag(u.Version) }

// answer is the answer that shows one account.
type answer = api.Resource[User]

func show(u User) *answer { return &answer{ETag: u.ETag(), Body: u} }

// credentials are what a login is checked against. They are no part of User, so
// that no answer and no log line can hold a password's hash.
type credentials struct {
	UserID       uuid.UUID
	Role         auth.Role
	PasswordHash string
	// PasswordVersion counts the passwords the account has had. A login that was
	// checked against an older one makes no session.
	PasswordVersion int64
}

// newUser makes an account with a new id.
func newUser(email, name string, role auth.Role, now time.Time) (User, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return User{}, fmt.Errorf("make a user id: %w", err)
	}
	return User{
		ID: id, Email: strings.TrimSpace(email), Name: strings.TrimSpace(name), Role: role,
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// emailKey is what makes two e-mail addresses the same account. RFC 5321 lets a
// host tell upper case from lower before the @; hardly one does, and people do
// not remember which they typed.
func emailKey(email string) string { return strings.ToLower(emailaddress.Normalize(email)) }

// emailFault returns what is wrong with an e-mail address, "" if nothing is.
func emailFault(email string) string {
	if err := emailaddress.Check(emailaddress.Normalize(email)); err != nil {
		return err.Error()
	}
	return ""
}

// nameFault says what is wrong with a person's name, "" if nothing is.
func nameFault(name string) string {
	if strings.TrimSpace(name) == "" {
		return "expected a name"
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return "expected a name without control characters"
	}
	return ""
}

func invalidCredentials() error {
	return api.NewProblem(http.StatusUnauthorized, "invalid_credentials", "The e-mail address or the password is wrong, or the address was not confirmed yet: look for our mail.").
		WithHeader("WWW-Authenticate", "Bearer")
}

func accountGone() error {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The account of this token is no more.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
