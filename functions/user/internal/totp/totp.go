// Package totp implements time-based one-time passwords (RFC 6238) of accounts, the encryption
// of their secrets, and recovery codes.
package totp

import (
	"fmt"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

const (
	// issuer is the name that authenticator apps show beside the account's.
	issuer = "Souk"
	// secretBytes is the length of a secret: that of the hash (RFC 4226, section 4).
	secretBytes = 20
	// period is the time step in seconds, and skew the number of steps before and after the
	// current one whose codes are accepted (RFC 6238, section 5.2).
	period = 30
	skew   = 1
)

// Secret is the shared secret of an account and its authenticator app.
type Secret struct {
	// Text is the secret in base32.
	Text string
	// URL is the secret with its parameters, for a QR code:
	// https://github.com/google/google-authenticator/wiki/Key-Uri-Format
	URL string
}

// NewSecret returns a new secret for an account.
func NewSecret(account string) (Secret, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account, Period: period, SecretSize: secretBytes})
	if err != nil {
		return Secret{}, fmt.Errorf("create a TOTP secret: %w", err)
	}
	return Secret{Text: key.Secret(), URL: key.URL()}, nil
}

// Match returns the time step of a code of six digits, if the code is valid at a time and its
// step is later than the last one that was used (RFC 6238, section 5.2: a code is accepted
// once).
func Match(secret, code string, now time.Time, lastStep int64) (step int64, matched bool) {
	current := now.Unix() / period
	for step = current - skew; step <= current+skew; step++ {
		if step > lastStep && step >= 0 && hotp.Validate(code, uint64(step), secret) {
			return step, true
		}
	}
	return 0, false
}

// Code returns the code of a secret at a time.
func Code(secret string, at time.Time) (string, error) {
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		return "", fmt.Errorf("compute a TOTP code: %w", err)
	}
	return code, nil
}
