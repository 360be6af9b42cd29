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
	// MaxAge is the maximum age of a login, however often it is refreshed.
	MaxAge time.Duration `env:"USER_SESSION_MAX_AGE" envDefault:"2160h"`
}

// maxReuseInterval is the maximum of ReuseInterval, during which the use of a stolen
// token is not noticed.
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

// isReused reports whether a token was spent before the reuse interval, so that its use
// is a theft.
func (c sessionSettings) isReused(s session, now time.Time) bool {
	return !s.RotatedAt.IsZero() && now.Sub(s.RotatedAt) >= c.ReuseInterval
}

// loginSettings are the environment variables that limit attempts to sign in.
type loginSettings struct {
	// Window is the time in which a spent limit is fully restored.
	Window time.Duration `env:"USER_LOGIN_WINDOW" envDefault:"15m"`
	// Tries is the number of wrong passwords within Window for one account from one
	// network. PerNetwork is the number from one network for all accounts, and PerAccount
	// for one account from all networks from which it was never signed in to.
	Tries      int `env:"USER_LOGIN_TRIES" envDefault:"10"`
	PerNetwork int `env:"USER_LOGIN_TRIES_PER_NETWORK" envDefault:"100"`
	PerAccount int `env:"USER_LOGIN_TRIES_PER_ACCOUNT" envDefault:"50"`
	// Queue is the number of requests of an instance that may wait for the hashing of
	// other passwords, and Wait the maximum time that each waits.
	Queue int           `env:"USER_PASSWORD_QUEUE" envDefault:"64"`
	Wait  time.Duration `env:"USER_PASSWORD_WAIT" envDefault:"5s"`
}

func (s loginSettings) validate() error {
	var errs []error
	for _, number := range []struct {
		name  string
		value int
	}{
		{"USER_LOGIN_TRIES", s.Tries},
		{"USER_LOGIN_TRIES_PER_NETWORK", s.PerNetwork},
		{"USER_LOGIN_TRIES_PER_ACCOUNT", s.PerAccount},
		{"USER_PASSWORD_QUEUE", s.Queue},
	} {
		if number.value < 1 {
			errs = append(errs, fmt.Errorf("%s is %d: expected 1 or more", number.name, number.value))
		}
	}
	for _, duration := range []struct {
		name  string
		value time.Duration
	}{
		{"USER_LOGIN_WINDOW", s.Window},
		{"USER_PASSWORD_WAIT", s.Wait},
	} {
		if duration.value < time.Second {
			errs = append(errs, fmt.Errorf("%s is %s: expected 1s or more", duration.name, duration.value))
		}
	}
	return errors.Join(errs...)
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

// secondFactor is the limit of codes for one account from all networks. It is lower than that
// of passwords, because a code has a million values.
func (s loginSettings) secondFactor() api.RateLimit {
	return api.RateLimit{Name: "second-factor", Quota: s.Tries, Window: s.Window}
}

// mailRequests is the limit of requests from one network that send a mail to any address: a
// registration, or the reset of a password. Each address has a quota of its own.
func (s loginSettings) mailRequests() api.RateLimit {
	return api.RateLimit{Name: "mail-network", Quota: s.PerNetwork, Window: s.Window}
}

// passkeys is the limit of challenges of passkeys for one network. Pages request one whenever they
// are opened.
func (s loginSettings) passkeys() api.RateLimit {
	return api.RateLimit{Name: "passkey-network", Quota: passkeysPerLogin * s.PerNetwork, Window: s.Window}
}

// passkeysPerLogin is how many challenges of passkeys there may be for each attempt to sign in.
const passkeysPerLogin = 10

// emailChanges is the limit of requests of one account that send a mail to a new address.
func (s loginSettings) emailChanges() api.RateLimit {
	return api.RateLimit{Name: "email-change", Quota: s.Tries, Window: s.Window}
}

// keySettings are the environment variables of API keys.
type keySettings struct {
	// Emulator is set on local systems, whose keys have a prefix of their own.
	Emulator bool `env:"SOUK_EMULATOR"`
}
