package idempotency

import (
	"net/http"
	"testing"
)

func FuzzKey(f *testing.F) {
	for _, seed := range []string{"", " ", "0199c0de-0000-7000-8000-000000000001", "two words", "ü", "\x00", "\xff"} {
		f.Add(seed, seed, true)
	}
	f.Fuzz(func(t *testing.T, first, other string, required bool) {
		key, problem := parseKey(http.Header{HeaderKey: {first}}, required)
		switch {
		case problem != nil && (problem.Status != http.StatusBadRequest || key != ""):
			t.Fatalf("%q: got %q and %v", first, key, problem)
		case problem == nil && (key != first || len(key) > MaxKeyLength || key == ""):
			t.Fatalf("%q is the key %q", first, key)
		}
		if _, problem := parseKey(http.Header{HeaderKey: {first, other}}, required); problem == nil {
			t.Fatal("two keys are accepted")
		}
		if same := hashParts(first, other) == hashParts(other, first); same != (first == other) {
			t.Fatalf("the scopes of %q, %q and of the reverse are the same: %t", first, other, same)
		}
		if first != "" && hashParts(first+other) == hashParts(first, other) {
			t.Fatalf("the scope of %q concatenated with %q is the scope of both", first, other)
		}
	})
}
