// Package passwordhash hashes passwords with Argon2id, in PHC format.
package passwordhash

import (
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"

	"souk/functions/user/passwordhash/internal/cost"
)

// Params returns the parameters of new hashes.
func Params() argon2id.Params { return cost.Params() }

// Create returns the hash of a password with a salt of its own.
func Create(password string) (string, error) {
	params := cost.Params()
	return argon2id.CreateHash(password, &params)
}

// Check reports whether the hash is of the password, and whether it has other
// parameters than new ones have.
func Check(password, hash string) (same, outdated bool, err error) {
	same, params, err := argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, err
	}
	return same, *params != cost.Params(), nil
}

// Placeholder returns a hash of no password, for which Check takes the time that it takes
// for one of an account. No password is known for it: it would have to hash to zeros.
func Placeholder() string {
	p := cost.Params()
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism,
		base64.RawStdEncoding.EncodeToString(make([]byte, p.SaltLength)),
		base64.RawStdEncoding.EncodeToString(make([]byte, p.KeyLength)))
}
