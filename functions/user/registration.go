package user

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
)

// registrationTTL is how long an address may be confirmed.
const registrationTTL = 24 * time.Hour

// Registration is an account that somebody asked for. It becomes one when who
// reads the address's mail confirms it (docs/adr/0012).
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

// longestShownName is how much of a name, in characters, a mail shows to an address
// that nobody has confirmed.
const longestShownName = 60

// shownName is the name as a mail may say it. Anybody can have the shop send a mail
// to anybody, and the name is what they choose of it: so no advertisement, and
// nothing that a mail program would make a link of.
func (r Registration) shownName() string {
	lower := strings.ToLower(r.Name)
	for _, part := range []string{"://", "www.", "@", "/"} {
		if strings.Contains(lower, part) {
			return "somebody"
		}
	}
	if len([]rune(r.Name)) > longestShownName {
		return "somebody"
	}
	return r.Name
}
