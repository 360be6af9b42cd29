package functions_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// TestOtherUsersResources calls every function for users for the resource of another user, as accounts
// with every role, as a guest, and with every API key. For all but its owner, and those with the
// permission that functions.yaml has in `others`, the response is that to a missing one.
func TestOtherUsersResources(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, service := range functions.Manifest().Services() {
		forUsers := slices.DeleteFunc(functions.Manifest().FunctionsOf(service), func(f manifest.Function) bool {
			return f.Access != manifest.User && f.Access != manifest.Checkout || !hasOwner(f)
		})
		if len(forUsers) == 0 {
			continue
		}
		tested += len(forUsers)
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service)
			callers := newCallers(t, s, service)
			for _, f := range forUsers {
				t.Run(f.Name, func(t *testing.T) {
					o := newOwned(t, s, f)
					for _, c := range callers.of(f) {
						if c.kind != impostor && c.kind != anonymous { // TestAccess has them
							o.requireAccess(t, c)
						}
					}
					response := s.Do(t, o.request)
					if requireSuccess(t, response); o.isList() && !o.isShownIn(response) {
						t.Errorf("the response to its owner does not show %s: %s", o.mark, response.Body)
					}
				})
			}
		})
	}
	if tested < 15 {
		t.Errorf("only %d functions were tested", tested)
	}
}

// hasOwner reports whether the responses of a function for users depend on an owner: it has a resource
// in its path, or shows what the caller owns.
func hasOwner(f manifest.Function) bool {
	return strings.Contains(f.Path(), "{") || f.Method() == http.MethodGet
}

// owned is a request for a resource of a user.
type owned struct {
	s *functiontest.Server
	f manifest.Function
	// owner has what request is about, and absent is the response for a resource that is missing, of a
	// function with one in its path.
	owner   account
	request functiontest.Request
	absent  functiontest.Response
	// mark is the id that is in the path, or that only the owner's response has.
	mark string
}

// newOwned creates a resource of a new account, and the request for it.
func newOwned(t testing.TB, s *functiontest.Server, f manifest.Function) *owned {
	t.Helper()
	o := &owned{s: s, f: f, owner: mustCreateCaller(t, s, f)}
	o.request = requestTo(t, s, f, o.owner)
	if !o.isList() {
		o.mark = pathID(t, f, o.request.Path)
		missing := o.request
		missing.Path = strings.Replace(missing.Path, o.mark, missingID.String(), 1)
		missing.Token = mustCreateCaller(t, s, f).token
		o.absent = s.Do(t, missing).MustBe(t, http.StatusNotFound)
		return o
	}
	o.mark = o.owner.id.String()
	if part, found := memberOf(f); found {
		o.mark = mustFindExample(t, part).create(t, s, o.owner).String()
	}
	return o
}

// memberOf returns the function for a member of the list that a function returns.
func memberOf(list manifest.Function) (manifest.Function, bool) {
	for _, f := range functions.Manifest().FunctionsOf(list.Service) {
		if member, found := strings.CutPrefix(f.Path(), list.Path()+"/{"); found && strings.HasSuffix(member, "}") {
			return f, true
		}
	}
	return manifest.Function{}, false
}

// requireAccess requires that a caller who is not the owner gets what the rule of the function has.
func (o *owned) requireAccess(t *testing.T, c caller) {
	t.Helper()
	want, err := expectedStatus(o.f, c.identity)
	if err != nil {
		t.Fatal(err)
	}
	isPermitted := o.f.Others != "" && (c.kind == staff || c.kind == machine) && c.permissions.Has(o.f.Others)
	if isPermitted && o.request.Method != http.MethodGet {
		// Each such request changes the resource: those with the permission alone do.
		if c.permissions == manifest.NewPermissionSet(o.f.Others) {
			requireSuccess(t, o.send(t, c))
			o.request = requestTo(t, o.s, o.f, o.owner)
			o.mark = pathID(t, o.f, o.request.Path)
		}
		return
	}
	response := o.send(t, c)
	switch {
	case want != granted:
		if violation := checkStatus(response, want); violation != "" || o.isShownIn(response) {
			t.Errorf("%s: %s; the response is %s", c.name, violation, response.Body)
		}
	case isPermitted:
		if response.Status/100 != 2 || o.isList() && !o.isShownIn(response) {
			t.Errorf("%s has the permission, and gets %d %s", c.name, response.Status, response.Body)
		}
	case !o.isList():
		if difference := compareResponses(t, o.absent, response, o.mark); difference != "" {
			t.Errorf("%s: %s", c.name, difference)
		}
	case response.Status/100 != 2 || o.isShownIn(response):
		t.Errorf("%s gets %d %s, which must not show %s", c.name, response.Status, response.Body, o.mark)
	}
}

// isList reports whether the function has no resource in its path, and shows those of its caller.
func (o *owned) isList() bool { return !strings.Contains(o.f.Path(), "{") }

// send sends the request as another caller.
func (o *owned) send(t *testing.T, c caller) functiontest.Response {
	t.Helper()
	r := o.request
	r.Token, r.Authorization = "", c.authorization
	return o.s.Do(t, r)
}

func (o *owned) isShownIn(response functiontest.Response) bool {
	return strings.Contains(string(response.Body), o.mark)
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

// compareResponses returns how the responses for a missing and for an existing resource differ in more
// than the id, "" if they do not: the second must not reveal that the resource exists.
func compareResponses(t testing.TB, absent, existing functiontest.Response, id string) string {
	t.Helper()
	var a, b object
	mustDecode(t, absent.Body, &a)
	mustDecode(t, []byte(strings.ReplaceAll(string(existing.Body), id, missingID.String())), &b)
	delete(a, "traceId")
	delete(b, "traceId")
	if existing.Status != absent.Status || mustJSON(t, a) != mustJSON(t, b) {
		return fmt.Sprintf("the response for a missing resource is %d %s, for that of another user %d %s", absent.Status, absent.Body, existing.Status, existing.Body)
	}
	for name := range existing.Header {
		if _, found := absent.Header[name]; !found {
			return fmt.Sprintf("the header %s reveals that the resource exists", name)
		}
	}
	return ""
}
