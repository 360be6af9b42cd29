package functions_test

import (
	"net/http"
	"testing"

	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// TestResponseHeaders reads the headers of every function's response to a request that
// succeeds, one without a token and one that is invalid: none is to be sniffed, and
// only successful reads that need no account may be stored. That other responses of
// these tests have them too is part of the contract.
func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		good := requestTo(t, s, f, MustEnter(t, s, f))
		anonymous, invalid := good, good
		anonymous.Token = ""
		invalid.Path += "?colour=red"
		require := func(r functiontest.Request, status int) {
			t.Helper()
			response := s.Do(t, r)
			if status == 0 {
				mustSucceed(t, response)
			} else if response.Status != status {
				t.Errorf("got %d, want %d: %s", response.Status, status, response.Body)
			}
			if got := response.Header.Values("X-Content-Type-Options"); len(got) != 1 || got[0] != "nosniff" {
				t.Errorf("%d has X-Content-Type-Options %q", response.Status, got)
			}
			got := response.Header.Values("Cache-Control")
			noStore := len(got) == 1 && got[0] == "no-store"
			if public := f.Access == manifest.Anyone && f.Method() == http.MethodGet && status == 0; noStore == public {
				t.Errorf("%d has Cache-Control %q", response.Status, got)
			}
		}
		require(invalid, http.StatusBadRequest)
		if f.Access != manifest.Anyone {
			require(anonymous, http.StatusUnauthorized)
		}
		require(good, 0)
	})
}
