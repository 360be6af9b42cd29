package functions_test

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"souk/functions"
	"souk/shared/api"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// TestOverloaded sends each function a valid request while it is overloaded: it must refuse it
// with 503 and Retry-After, before it sends a statement. Health checks have a response.
func TestOverloaded(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service, functiontest.WithProxy)
			overloaded := mustStart(t, service, functiontest.WithSameDatabase(s), functiontest.Overloaded)
			for _, f := range functions.Manifest().FunctionsOf(service) {
				t.Run(f.Name+" refuses a request before it sends a statement", func(t *testing.T) {
					send := newOverloadedRequest(t, s, overloaded, f)
					var statements atomic.Int64
					s.Statements.Set(func(string) dbtest.Fate {
						statements.Add(1)
						return dbtest.Pass
					})
					got := send()
					s.Statements.Set(nil)
					got.MustBeProblem(t, http.StatusServiceUnavailable, api.CodeOverloaded)
					if seconds, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || seconds < 1 {
						t.Errorf("Retry-After is %q", got.Header.Get("Retry-After"))
					}
					if n := statements.Load(); n > 0 {
						t.Errorf("%d statements were sent", n)
					}
				})
			}
			t.Run("a health check is not refused", func(t *testing.T) {
				health := functiontest.Request{Method: http.MethodGet, Path: "/-/healthy"}
				overloaded.Do(t, health).MustBe(t, http.StatusOK)
			})
		})
	}
}

// newOverloadedRequest returns a function that sends an overloaded service a request to one
// of its functions that s would serve.
func newOverloadedRequest(t *testing.T, s, overloaded *functiontest.Server, f manifest.Function) func() functiontest.Response {
	t.Helper()
	if f.HTTP == "" {
		e := functiontest.NewEvent(t, f.Name, object{})
		return func() functiontest.Response { return overloaded.DeliverUnchecked(t, f.Name, e) }
	}
	r := requestTo(t, s, f, mustCreateCaller(t, s, f))
	return func() functiontest.Response { return overloaded.Do(t, r) }
}

// TestLowPriority requires lowPriority of exactly the functions that hash passwords or render files.
func TestLowPriority(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()
	for _, f := range list.Functions {
		hashes := slices.ContainsFunc(list.RestrictedColumns, func(c manifest.RestrictedColumn) bool {
			return c.Column == "password_hash" && slices.Contains(slices.Concat(c.Read, c.Write), f.Name)
		})
		renders := slices.Contains(f.Publishes, "invoice-issued")
		if f.LowPriority != (hashes || renders) {
			t.Errorf("lowPriority of %s is %t in functions.yaml, but it reads or writes hashes of passwords: %t, or renders files: %t", f.Name, f.LowPriority, hashes, renders)
		}
	}
}
