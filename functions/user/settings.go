package user

import (
	"errors"
	"fmt"
	"time"

	"souk/shared/api"
)

// sessionSettings are the environment variables of logins and their refresh tokens.
type sessionSettings struct {
	// ReuseInterval is how long a spent refresh token is accepted again.
	ReuseInterval time.Duration `env:"USER_REFRESH_REUSE_INTERVAL" envDefault:"30s"`
	// MaxAge is the time from a login to its end, however often it is refreshed.
	MaxAge time.Duration `env:"USER_SESSION_MAX_AGE" envDefault:"2160h"`
}

// maxReuseInterval bounds the time in which a stolen token can be used beside its
// owner's without being noticed.
const maxReuseInterval = 10 * time.Minute

func (c sessionSettings) validate() error {
	var errs []error
	if c.ReuseInterval < 0 || c.ReuseInterval > maxReuseInterval {
		errs = append(errs, fmt.Errorf("USER_REFRESH_REUSE_INTERVAL is %s: expected 0s to %s", c.ReuseInterval, maxReuseInterval))
	}
	if c.MaxAge < accessTokenTTL {
		errs = append(errs, fmt.Errorf("USER_SESSION_MAX_AGE is %s: expected %s or more", c.MaxAge, accessTokenTTL))
	}
	return errors.Join(errs...)
}

// isReused reports whether a token was spent so long ago that it must not be sent
// again.
func (c sessionSettings) isReused(s session, now time.Time) bool {
	return !s.RotatedAt.IsZero() && now.Sub(s.RotatedAt) >= c.ReuseInterval
}

// loginSettings are the environment variables that bound how often somebody may
// try passwords.
type loginSettings struct {
	// Window is the time in which a limit that was used up is wholly there again.
	Window time.Duration `env:"USER_LOGIN_WINDOW" envDefault:"15m"`
	// Tries is how often, within Window, a password may be wrong for one account
	// from one network; PerNetwork, from one network for all accounts together;
	// PerAccount, for one account from all networks together that it was never
	// signed in to from.
	Tries      int `env:"USER_LOGIN_TRIES" envDefault:"10"`
	PerNetwork int `env:"USER_LOGIN_TRIES_PER_NETWORK" envDefault:"100"`
	PerAccount int `env:"USER_LOGIN_TRIES_PER_ACCOUNT" envDefault:"50"`
	// Queue is how many requests of an instance may wait while others have the
	// CPUs for their passwords, and Wait for how long.
	Queue int           `env:"USER_PASSWORD_QUEUE" envDefault:"64"`
	Wait  time.Duration `env:"USER_PASSWORD_WAIT" envDefault:"5s"`
}

func (s loginSettings) validate() error {
	var faults []error
	for name, value := range map[string]int{
		"USER_LOGIN_TRIES": s.Tries, "USER_LOGIN_TRIES_PER_NETWORK": s.PerNetwork,
		"USER_LOGIN_TRIES_PER_ACCOUNT": s.PerAccount, "USER_PASSWORD_QUEUE": s.Queue,
	} {
		if value < 1 {
			faults = append(faults, fmt.Errorf("%s is %d: nobody could sign in", name, value))
		}
	}
	for name, value := range map[string]time.Duration{"USER_LOGIN_WINDOW": s.Window, "USER_PASSWORD_WAIT": s.Wait} {
		if value < time.Second {
			faults = append(faults, fmt.Errorf("%s is %s: expected a second or more", name, value))
		}
	}
	return errors.Join(faults...)
}

func (s loginSettings) perPair() api.RateLimit {
	return api.RateLimit{Name: "login", Quota: s.Tries, Window: s.Window}
}

func (s loginSettings) perNetwork() api.RateLimit {
	return api.RateLimit{Name: "login-network", Quota: s.PerNetwork, Window: s.Window}
}

func (s loginSettings) perAccount() api.RateLimit {
	return api.RateLimit{Name: "login-account", Quota: s.PerAccount, Window: s.Window}
}
