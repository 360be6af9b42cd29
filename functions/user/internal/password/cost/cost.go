// Package cost defines the parameters of password hashes.
package cost

import (
	"sync/atomic"

	"github.com/alexedwards/argon2id"
)

// owasp is the second configuration that OWASP recommends for Argon2id, and the first that
// allows several hashes at once in a small instance: 19 MiB, 2 passes, 1 lane.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
var owasp = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// lowest is the lowest cost of Argon2id (RFC 9106, section 3.1).
var lowest = argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

var current atomic.Pointer[argon2id.Params]

func init() { current.Store(&owasp) }

// Params returns the parameters of new hashes.
func Params() argon2id.Params { return *current.Load() }

// SetLowest sets the lowest cost for new hashes. It is for package passwordtest.
func SetLowest() { current.Store(&lowest) }
