// Package passwordhash hashes passwords with Argon2id, in PHC format.
package passwordhash

import (
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"

	"souk/functions/user/internal/password/cost"
)

// Params returns the parameters of new hashes.
func Params() argon2id.Params { return cost.Params() }

// Create returns the hash of a password with a new salt.
func Create(password string) (string, error) {
	params := cost.Params()
	return argon2id.CreateHash(password, &params)
}

// Check reports whether a password matches a hash, and whether the hash has other
// parameters than new hashes.
func Check(password, hash string) (same, outdated bool, err error) {
	same, params, err := argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, err
	}
	return same, *params != cost.Params(), nil
}

// Placeholder returns the hash against which a login to an account that does not exist is
// checked, so that it takes as long as any other. No password is known for it: it would
// have to hash to zeros.
func Placeholder() string {
	p := cost.Params()
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism,
		base64.RawStdEncoding.EncodeToString(make([]byte, p.SaltLength)),
		base64.RawStdEncoding.EncodeToString(make([]byte, p.KeyLength)))
}
