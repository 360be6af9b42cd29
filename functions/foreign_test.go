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

// adminsMay are the functions for users that admins may use on what is somebody
// else's. The others know nobody but the owner.
var adminsMay = []string{"order-get", "order-cancel"}

// TestForeignThings asks every function for users for the thing of somebody else:
// to all but its owner (and, for some, admins) it is as if it were not there.
func TestForeignThings(t *testing.T) {
	t.Parallel()
	var tested atomic.Int64
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		if f.Access != manifest.User || !strings.Contains(f.Path(), "{") {
			t.Skip("is not about a thing of a user's")
		}
		tested.Add(1)
		owner, other := MustEnter(t, s, f), MustEnter(t, s, f)
		boss := mustEnterAs(t, s, f, auth.Admin)
		theirs := requestTo(t, s, f, owner)
		as := func(a account, r functiontest.Request) functiontest.Response {
			r.Token = a.token
			return s.Do(t, r)
		}
		id := pathID(t, f, theirs.Path)
		missing := theirs
		missing.Path = strings.Replace(theirs.Path, id, someone.String(), 1)
		nothing := as(other, missing).MustBe(t, http.StatusNotFound)
		mustBeAlike(t, nothing, as(other, theirs), someone.String(), id)
		if slices.Contains(adminsMay, f.Name) {
			mustSucceed(t, as(boss, theirs))
			theirs = requestTo(t, s, f, owner)
		} else {
			mustBeAlike(t, nothing, as(boss, theirs), someone.String(), id)
		}
		mustSucceed(t, as(owner, theirs))
	})
	t.Cleanup(func() {
		if tested.Load() == 0 && !t.Skipped() {
			t.Error("no function was tested")
		}
	})
}

// pathID returns what stands where the function's path has {id}.
func pathID(t testing.TB, f manifest.Function, path string) string {
	t.Helper()
	pattern, parts := strings.Split(f.Path(), "/"), strings.Split(path, "/")
	i := slices.IndexFunc(pattern, func(part string) bool { return strings.HasPrefix(part, "{") })
	if i < 0 || len(parts) != len(pattern) {
		t.Fatalf("%s is not a path of %s", path, f.HTTP)
	}
	return parts[i]
}

// mustBeAlike fails unless two answers say the same of two ids: whoever gets the
// second must not learn that the thing is there.
func mustBeAlike(t testing.TB, nothing, theirs functiontest.Response, noID, id string) {
	t.Helper()
	theirs.MustBe(t, nothing.Status)
	var a, b object
	mustDecode(t, nothing.Body, &a)
	mustDecode(t, []byte(strings.ReplaceAll(string(theirs.Body), id, noID)), &b)
	delete(a, "traceId")
	delete(b, "traceId")
	if mustJSON(t, a) != mustJSON(t, b) {
		t.Errorf("of nothing the answer is %s, of somebody else's %s", nothing.Body, theirs.Body)
	}
	for name := range theirs.Header {
		if _, there := nothing.Header[name]; !there {
			t.Errorf("the answer tells by its header %s that it is there", name)
		}
	}
}
