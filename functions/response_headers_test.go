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

// cacheable has the Cache-Control of the responses that caches may store. functions.yaml has
// the same, from which docs/fidelity.md and the CDN in terraform/load_balancer.tf follow.
var cacheable = map[string]string{
	"product-get":    "public, max-age=5, stale-while-revalidate=30",
	"product-list":   "public, max-age=5, stale-while-revalidate=30",
	"product-facets": "public, max-age=30, stale-while-revalidate=60",
	"category-list":  "public, max-age=60",
	"jwks":           "public, max-age=300",
}

// TestResponseHeaders checks the headers of every function's responses: to a valid request,
// one without a token, one with a token and an invalid one. All have nosniff. Only the
// responses listed in cacheable may be stored, and not those to requests with
// Authorization; stored responses have no id of their request or trace. The contract checks
// these headers in the responses of all other tests.
func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		valid := requestTo(t, s, f, mustCreateCaller(t, s, f))
		const ownID = "its-own-request-id"
		header := map[string]string{api.HeaderRequestID: ownID}
		maps.Copy(header, valid.Header)
		valid.Header = header
		require := func(r functiontest.Request, status int, cacheControl string) {
			t.Helper()
			response := s.Do(t, r)
			if status == 0 {
				requireSuccess(t, response)
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
				t.Errorf("the body of a cacheable response has an id of its request: %s", response.Body)
			}
		}
		anonymous, invalid := valid, valid
		anonymous.Token = ""
		invalid.Path += "?colour=red"
		require(invalid, http.StatusBadRequest, "no-store")
		if f.Access != manifest.Anyone {
			require(anonymous, http.StatusUnauthorized, "no-store")
			require(valid, 0, "no-store")
			return
		}
		withToken := valid
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
