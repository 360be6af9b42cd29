package functions_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// adminsMayCall lists the functions for users that admins may call for resources of
// others. The other functions serve the owner only.
var adminsMayCall = []string{"order-get", "order-cancel"}

// TestOtherUsersResources calls every function for users for the resource of another user:
// for all but its owner (and, for some, admins) the response is that to a missing one.
func TestOtherUsersResources(t *testing.T) {
	t.Parallel()
	var tested atomic.Int64
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		if f.Access != manifest.User || !strings.Contains(f.Path(), "{") {
			t.Skip("has no resource of a user")
		}
		tested.Add(1)
		owner, other := mustCreateCaller(t, s, f), mustCreateCaller(t, s, f)
		boss := mustCreateCallerAs(t, s, f, auth.Admin)
		owned := requestTo(t, s, f, owner)
		as := func(a account, r functiontest.Request) functiontest.Response {
			r.Token = a.token
			return s.Do(t, r)
		}
		id := pathID(t, f, owned.Path)
		missing := owned
		missing.Path = strings.Replace(owned.Path, id, missingID.String(), 1)
		absent := as(other, missing).MustBe(t, http.StatusNotFound)
		requireSameResponse(t, absent, as(other, owned), missingID.String(), id)
		if slices.Contains(adminsMayCall, f.Name) {
			requireSuccess(t, as(boss, owned))
			owned = requestTo(t, s, f, owner)
		} else {
			requireSameResponse(t, absent, as(boss, owned), missingID.String(), id)
		}
		requireSuccess(t, as(owner, owned))
	})
	t.Cleanup(func() {
		if tested.Load() == 0 && !t.Skipped() {
			t.Error("no function was tested")
		}
	})
}

// pathID returns the segment of a path at the wildcard of the function's route.
func pathID(t testing.TB, f manifest.Function, path string) string {
	t.Helper()
	pattern, parts := strings.Split(f.Path(), "/"), strings.Split(path, "/")
	i := slices.IndexFunc(pattern, func(part string) bool { return strings.HasPrefix(part, "{") })
	if i < 0 || len(parts) != len(pattern) {
		t.Fatalf("%s is not a path of %s", path, f.HTTP)
	}
	return parts[i]
}

// requireSameResponse requires that the responses for a missing and for an existing
// resource differ in the id only: the second must not reveal that the resource exists.
func requireSameResponse(t testing.TB, absent, owned functiontest.Response, noID, id string) {
	t.Helper()
	owned.MustBe(t, absent.Status)
	var a, b object
	mustDecode(t, absent.Body, &a)
	mustDecode(t, []byte(strings.ReplaceAll(string(owned.Body), id, noID)), &b)
	delete(a, "traceId")
	delete(b, "traceId")
	if mustJSON(t, a) != mustJSON(t, b) {
		t.Errorf("the response for a missing resource is %s, for that of another user %s", absent.Body, owned.Body)
	}
	for name := range owned.Header {
		if _, found := absent.Header[name]; !found {
			t.Errorf("the header %s reveals that the resource exists", name)
		}
	}
}
