// Package cost has the parameters of password hashes.
package cost

import (
	"sync/atomic"

	"github.com/alexedwards/argon2id"
)

// owasp is OWASP's second choice for Argon2id, the first that leaves room for
// several at once in a small instance: 19 MiB, 2 passes, 1 lane.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
var owasp = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// lowest is the lowest cost that Argon2id has (RFC 9106, section 3.1).
var lowest = argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

var current atomic.Pointer[argon2id.Params]

func init() { current.Store(&owasp) }

// Params returns the parameters of new hashes.
func Params() argon2id.Params { return *current.Load() }

// SetLowest makes new hashes as cheap as can be. Only package passwordhashtest calls it.
func SetLowest() { current.Store(&lowest) }
