package user

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
)

// registrationTTL is how long an address may be confirmed.
const registrationTTL = 24 * time.Hour

// Registration is the request for an account. It becomes one when it is confirmed with
// a token of the address's mail and its password (docs/adr/0012, 0026).
type Registration struct {
	ID        uuid.UUID `json:"id" format:"uuid" doc:"The id that the account will have."`
	Email     string    `json:"email" doc:"As it was typed." example:"ada@example.com"`
	Name      string    `json:"name" example:"Ada Lovelace"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt" doc:"Until then the address can be confirmed."`
}

// account is the account that a registration becomes.
func (r Registration) account(now time.Time) User {
	return User{ID: r.ID, Email: r.Email, Name: r.Name, Role: auth.Customer, Version: 1, CreatedAt: now, UpdatedAt: now}
}
