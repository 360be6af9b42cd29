package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// granted is the expected status of a caller that passes the rule, whatever the function
// then responds.
const granted = 0

// missingID is the id of an account that does not exist.
var missingID = uuid.MustParse("0199c0de-0000-7000-8000-000000000001")

// expectedStatus returns how the rule of a function treats a caller: 401, 403 or granted. It
// states the complete rule a second time.
func expectedStatus(f manifest.Function, who identity) (int, error) {
	k := who.kind
	needed, forStaff := f.Access.Permission()
	switch {
	case f.Access == manifest.Anyone && f.Authentication == manifest.OptionalToken && (k == impostor || k == guest):
		return http.StatusUnauthorized, nil
	case f.Access == manifest.Anyone && f.Authentication == manifest.OptionalToken && k == machine:
		return http.StatusForbidden, nil
	case f.HTTP == "" && k == pubsub, f.Access == manifest.Anyone, f.Access == manifest.Checkout && k == guest:
		return granted, nil
	case f.HTTP == "", k == anonymous, k == impostor, k == pubsub, k == guest:
		return http.StatusUnauthorized, nil
	case !forStaff && k == machine: // owns nothing, and reads and changes resources of others by permission
		if f.Others == "" || !who.permissions.Has(f.Others) {
			return http.StatusForbidden, nil
		}
		return granted, nil
	case f.Access == manifest.Checkout, f.Access == manifest.User, forStaff && (k == staff || k == machine) && who.permissions.Has(needed):
		return granted, nil
	case forStaff:
		return http.StatusForbidden, nil
	}
	return 0, fmt.Errorf("%s: access %q is unknown: add it to expectedStatus", f.Name, f.Access)
}

// request returns a request to the function. It need not succeed: the tests check
// whether it passes the rule.
func request(f manifest.Function, authorization []string) functiontest.Request {
	method, path, _ := strings.Cut(function.Pattern(f), " ")
	if f.HTTP != "" {
		path = examplePath(f)
	}
	r := functiontest.Request{Method: method, Path: path, Authorization: authorization}
	if r.Method != http.MethodGet && r.Method != http.MethodDelete {
		r.Body = "{}"
	}
	return r
}

// TestAccess calls every function of the manifest as callers of every kind and role, over HTTP.
// It is generated from the manifest, so it covers new functions by default.
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service)
			// Before the first request, so that the instance knows the keys.
			callers, refused := newCallers(t, s, service), newRefusedKeys(t, s)
			t.Run("keys that have ended or are unknown are refused", func(t *testing.T) {
				t.Parallel()
				requireKeysRefused(t, s, service, refused)
			})
			for _, f := range functions.Manifest().FunctionsOf(service) {
				t.Run(f.Name, func(t *testing.T) {
					t.Parallel()
					responses := map[identity]functiontest.Response{}
					for _, c := range callers.of(f) {
						responses[c.identity] = s.Do(t, request(f, c.authorization))
					}
					for _, violation := range checkRule(f, responses) {
						t.Error(violation)
					}
					for _, wrong := range wrongRules(f) {
						if !violatesRule(wrong, responses) {
							t.Errorf("the matrix does not notice the rule %q %q %q in place of %q %q %q", wrong.HTTP, wrong.Access, wrong.Others, f.HTTP, f.Access, f.Others)
						}
					}
				})
			}
		})
	}
}

// wrongRules returns the function with each rule other than its own.
func wrongRules(f manifest.Function) []manifest.Function {
	var wrong []manifest.Function
	rules := []manifest.Access{manifest.Anyone, manifest.Checkout, manifest.User, ""}
	for _, p := range manifest.AllPermissions().List() {
		rules = append(rules, manifest.Staff(p))
	}
	for _, access := range rules {
		other := f
		other.Access = access
		if access == "" {
			other.HTTP = ""
		} else if f.HTTP == "" {
			other.HTTP = "GET /v1/spy"
		}
		if other.HTTP != f.HTTP || other.Access != f.Access {
			wrong = append(wrong, other)
		}
	}
	if f.Access != manifest.User && f.Access != manifest.Checkout {
		return wrong
	}
	for _, p := range append(manifest.AllPermissions().List(), "") {
		if other := f; p != f.Others {
			other.Others = p
			wrong = append(wrong, other)
		}
	}
	return wrong
}

// checkRule returns how the responses of a function violate its rule, nil if they do not.
func checkRule(f manifest.Function, responses map[identity]functiontest.Response) (violations []string) {
	for caller, response := range responses {
		if violation := checkCaller(f, caller, response); violation != "" {
			violations = append(violations, caller.name+": "+violation)
		}
	}
	return violations
}

// violatesRule reports whether the responses of a function violate a rule.
func violatesRule(f manifest.Function, responses map[identity]functiontest.Response) bool {
	for caller, response := range responses {
		if checkCaller(f, caller, response) != "" {
			return true
		}
	}
	return false
}

// checkCaller returns how the response to a caller violates the rule of a function, "" if it does not.
func checkCaller(f manifest.Function, who identity, response functiontest.Response) string {
	want, err := expectedStatus(f, who)
	if err != nil {
		return err.Error()
	}
	violation := checkStatus(response, want)
	if needed, forStaff := f.Access.Permission(); violation == "" && want == http.StatusForbidden && forStaff && !strings.Contains(string(response.Body), " "+string(needed)+",") {
		violation = fmt.Sprintf("the 403 does not name the missing permission %s: %s", needed, response.Body)
	}
	return violation
}

// checkStatus returns how a response differs from the expected status, "" if it does not.
func checkStatus(response functiontest.Response, want int) string {
	refused := response.Status == http.StatusUnauthorized || response.Status == http.StatusForbidden
	switch {
	case want == granted && (refused || response.Status == http.StatusMethodNotAllowed || response.Status >= http.StatusInternalServerError):
		return fmt.Sprintf("got %d, want access: %s", response.Status, response.Body)
	case want == granted:
		return ""
	case response.Status != want:
		return fmt.Sprintf("got %d, want %d: %s", response.Status, want, response.Body)
	case response.Header.Get("Content-Type") != "application/problem+json":
		return fmt.Sprintf("got a %d with a body of %q, want a problem", want, response.Header.Get("Content-Type"))
	case want == http.StatusUnauthorized && response.Header.Get("WWW-Authenticate") == "":
		return "the 401 has no WWW-Authenticate header (RFC 9110, section 15.5.2)"
	}
	code := map[int]string{http.StatusUnauthorized: codeUnauthenticated, http.StatusForbidden: codeForbidden}[want]
	if !strings.Contains(string(response.Body), fmt.Sprintf("%q:%q", "code", code)) {
		return fmt.Sprintf("the %d does not have the code %s: %s", want, code, response.Body)
	}
	return ""
}

// Codes of the problems of callers without access.
const (
	codeUnauthenticated = "unauthenticated"
	codeForbidden       = "forbidden"
)
