package passwordhash_test

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"souk/functions/user/internal/password/passwordhash"
)

// owasp is the prefix of hashes with OWASP's parameters, which this process has not lowered.
const owasp = "$argon2id$v=19$m=19456,t=2,p=1$"

func TestHash(t *testing.T) {
	t.Parallel()
	hash, err := passwordhash.Create("seven green bicycles")
	if err != nil || !strings.HasPrefix(hash, owasp) {
		t.Fatalf("got hash %q, want argon2id with OWASP's parameters: %v", hash, err)
	}
	for password, want := range map[string]bool{"seven green bicycles": true, "seven green bicycleS": false} {
		same, outdated, err := passwordhash.Check(password, hash)
		if err != nil || same != want || outdated {
			t.Errorf("%s: got same %t, outdated %t, %v", password, same, outdated, err)
		}
	}
}

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	placeholder := passwordhash.Placeholder()
	if !strings.HasPrefix(placeholder, owasp) {
		t.Errorf("the placeholder is %q, want OWASP's parameters", placeholder)
	}
	if same, outdated, err := passwordhash.Check("", placeholder); err != nil || same || outdated {
		t.Errorf("got same %t, outdated %t, %v", same, outdated, err)
	}
}

func TestOutdated(t *testing.T) {
	t.Parallel()
	hash, err := argon2id.CreateHash("seven green bicycles", &argon2id.Params{Memory: 1 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	if same, outdated, err := passwordhash.Check("seven green bicycles", hash); err != nil || !same || !outdated {
		t.Errorf("got same %t, outdated %t, %v", same, outdated, err)
	}
}
