package user

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
)

// registrationTTL is how long a registration can be confirmed.
const registrationTTL = 24 * time.Hour

// Registration is a requested account. The account is created when the registration is
// confirmed with its password and a token that was mailed to the address (docs/adr/0012,
// 0026).
type Registration struct {
	ID        uuid.UUID `json:"id" format:"uuid" doc:"The id that the account will have."`
	Email     string    `json:"email" doc:"The e-mail address as it was entered." example:"ada@example.com"`
	Name      string    `json:"name" example:"Ada Lovelace"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt" doc:"The time until which the address can be confirmed."`
}

// account returns the account that is created from a registration.
func (r Registration) account(now time.Time) User {
	return User{ID: r.ID, Email: r.Email, Name: r.Name, Role: auth.Customer, Version: 1, CreatedAt: now, UpdatedAt: now}
}
