package functions_test

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"slices"
	"testing"

	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// cacheable are the responses that caches may store. docs/fidelity.md and the CDN in
// terraform/front.tf go by functions.yaml, which has the same.
var cacheable = map[string]string{
	"product-get":   "public, max-age=5, stale-while-revalidate=30",
	"product-list":  "public, max-age=5, stale-while-revalidate=30",
	"category-list": "public, max-age=60",
	"jwks":          "public, max-age=300",
}

// TestResponseHeaders reads the headers of every function's responses: to a request
// that succeeds, one without a token, one with a token and one that is invalid. None is
// to be sniffed. Exactly those that are listed above may be stored, and not the response
// to a request with Authorization; what is stored has no id of its request or trace.
// That other responses of these tests have these headers too is part of the contract.
func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		good := requestTo(t, s, f, MustEnter(t, s, f))
		const ownID = "its-own-request-id"
		header := map[string]string{api.HeaderRequestID: ownID}
		maps.Copy(header, good.Header)
		good.Header = header
		require := func(r functiontest.Request, status int, cacheControl string) {
			t.Helper()
			response := s.Do(t, r)
			if status == 0 {
				mustSucceed(t, response)
			} else if response.Status != status {
				t.Errorf("got %d, want %d: %s", response.Status, status, response.Body)
			}
			requireHeader(t, response, api.HeaderContentTypeOptions, api.NoSniff)
			requireHeader(t, response, "Cache-Control", cacheControl)
			requestID := []string{ownID}
			if cacheControl != "no-store" {
				requestID = nil
			}
			requireHeader(t, response, api.HeaderRequestID, requestID...)
			if stored := response.Header.Get(api.HeaderTraceID) == ""; stored != (requestID == nil) {
				t.Errorf("%d has %s %q and Cache-Control %q", response.Status, api.HeaderTraceID, response.Header.Get(api.HeaderTraceID), cacheControl)
			}
			if requestID == nil && (bytes.Contains(response.Body, []byte(ownID)) || bytes.Contains(response.Body, []byte("traceId"))) {
				t.Errorf("a body that caches may store has an id of its request: %s", response.Body)
			}
		}
		anonymous, invalid := good, good
		anonymous.Token = ""
		invalid.Path += "?colour=red"
		require(invalid, http.StatusBadRequest, "no-store")
		if f.Access != manifest.Anyone {
			require(anonymous, http.StatusUnauthorized, "no-store")
			require(good, 0, "no-store")
			return
		}
		withToken := good
		withToken.Token = "any"
		if f.Method() == http.MethodGet {
			require(withToken, 0, "no-store")
		}
		require(anonymous, 0, cmp.Or(cacheable[f.Name], "no-store"))
	})
}

func requireHeader(t *testing.T, response functiontest.Response, name string, want ...string) {
	t.Helper()
	if got := response.Header.Values(name); !slices.Equal(got, want) {
		t.Errorf("%d has %s %q, want %q", response.Status, name, got, want)
	}
}
