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
	Email     string    `json:"email" doc:"The e-mail address as it was entered." example:"ada@example.com" trail:"personal"`
	Name      string    `json:"name" example:"Ada Lovelace" trail:"personal"`
	Phone     string    `json:"phone,omitempty" doc:"The phone number, as the owner of the account has entered it. It is not verified." example:"+493012345678" trail:"personal"`
	VATNumber string    `json:"vatNumber,omitempty" doc:"The value added tax identification number, as the owner of the account has entered it. Its form is checked, not whether it was issued." example:"DE123456789" trail:"personal"`
	Role      auth.Role `json:"role" doc:"customer, or the role of staff." example:"customer" trail:"value"`
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
	// SecondFactor is whether the password alone opens no session.
	SecondFactor bool
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
// to the same account.
func emailKey(email string) string { return emailaddress.Fold(email) }

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
