package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// kind is a kind of caller. An access rule treats all callers of a kind alike.
type kind string

const (
	anonymous kind = "anonymous" // sends no token
	impostor  kind = "impostor"  // sends an invalid token
	customer  kind = "customer"
	admin     kind = "admin"
	pubsub    kind = "Pub/Sub"
)

// identity names a caller and its kind.
type identity struct {
	name string
	kind kind
}

// caller is an identity with its values of the Authorization header.
type caller struct {
	identity
	authorization []string
}

// granted is the expected status of a caller that passes the rule, whatever the function
// then responds.
const granted = 0

// missingID is the id of an account that does not exist.
var missingID = uuid.MustParse("0199c0de-0000-7000-8000-000000000001")

// expectedStatus returns how the rule of a function treats a kind of caller: 401, 403
// or granted. It states the complete rule a second time.
func expectedStatus(f manifest.Function, k kind) (int, error) {
	switch {
	case f.HTTP == "" && k == pubsub, f.Access == manifest.Anyone:
		return granted, nil
	case f.HTTP == "", k == anonymous, k == impostor, k == pubsub:
		return http.StatusUnauthorized, nil
	case f.Access == manifest.User, f.Access == manifest.Admin && k == admin:
		return granted, nil
	case f.Access == manifest.Admin:
		return http.StatusForbidden, nil
	}
	return 0, fmt.Errorf("%s: access %q is unknown: add it to expectedStatus", f.Name, f.Access)
}

// newCallers returns a caller of each kind, and impostors with each kind of invalid token.
func newCallers(t testing.TB, s *functiontest.Server, f manifest.Function) []caller {
	t.Helper()
	if f.HTTP == "" {
		callers := []caller{{identity: identity{"no token", anonymous}}, {identity{"Pub/Sub", pubsub}, bearer(s.Tokens.Push(t))}}
		for defect, token := range forgedPushes(t, s) {
			callers = append(callers, caller{identity{"a token " + defect, impostor}, bearer(token)})
		}
		return append(callers, caller{identity{"two tokens of Pub/Sub", impostor}, bearer(s.Tokens.Push(t), s.Tokens.Push(t))})
	}
	ada := auth.Principal{UserID: mustCallerID(t, s, f), Role: auth.Customer}
	boss := auth.Principal{UserID: mustCallerID(t, s, f), Role: auth.Admin}
	callers := []caller{
		{identity: identity{"no token", anonymous}},
		{identity{"a customer", customer}, bearer(s.Token(t, ada))},
		{identity{"an admin", admin}, bearer(s.Token(t, boss))},
		{identity{"an admin with two tokens", impostor}, bearer(s.Token(t, boss), s.Token(t, boss))},
		{identity{"an admin with another scheme", impostor}, []string{"Basic " + s.Token(t, boss)}},
		{identity{"an admin without a scheme", impostor}, []string{s.Token(t, boss)}},
		{identity{"a customer with a tampered role", impostor}, bearer(tampered(t, s.Token(t, ada), 1))},
	}
	for defect, token := range forged(t, s, boss) {
		callers = append(callers, caller{identity{"an admin with a token " + defect, impostor}, bearer(token)})
	}
	return callers
}

func bearer(tokens ...string) []string {
	for i := range tokens {
		tokens[i] = "Bearer " + tokens[i]
	}
	return tokens
}

// mustCallerID returns the id of a caller of the function: that of an existing account
// for the user service, and any id for the others, which read the token alone.
func mustCallerID(t testing.TB, s *functiontest.Server, f manifest.Function) uuid.UUID {
	t.Helper()
	if f.Service != "user" {
		return uuid.New()
	}
	id, _ := mustSeedAccount(t, s)
	return id
}

// mustSeedAccount creates an account and returns its id and e-mail address.
func mustSeedAccount(t testing.TB, s *functiontest.Server) (id uuid.UUID, email string) {
	t.Helper()
	email = uuid.NewString() + "@example.com"
	id, err := user.Seed(t.Context(), s.DB, email, fixtures.Password, auth.Customer)
	if err != nil {
		t.Fatal(err)
	}
	return id, email
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

// TestAccess calls every function of the manifest as callers of every kind, over HTTP.
// It is generated from the manifest, so it covers new functions by default.
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service)
			for _, f := range functions.Manifest().FunctionsOf(service) {
				t.Run(f.Name, func(t *testing.T) {
					t.Parallel()
					responses := map[identity]functiontest.Response{}
					for _, c := range newCallers(t, s, f) {
						responses[c.identity] = s.Do(t, request(f, c.authorization))
					}
					for _, violation := range checkRule(f, responses) {
						t.Error(violation)
					}
					for _, wrong := range wrongRules(f) {
						if checkRule(wrong, responses) == nil {
							t.Errorf("the matrix does not notice the rule %q %q in place of %q %q", wrong.HTTP, wrong.Access, f.HTTP, f.Access)
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
	for _, access := range []manifest.Access{manifest.Anyone, manifest.User, manifest.Admin, ""} {
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
	return wrong
}

// checkRule returns how the responses of a function violate its rule, nil if they do not.
func checkRule(f manifest.Function, responses map[identity]functiontest.Response) (violations []string) {
	for caller, response := range responses {
		want, err := expectedStatus(f, caller.kind)
		if err != nil {
			return []string{err.Error()}
		}
		if violation := checkStatus(response, want); violation != "" {
			violations = append(violations, fmt.Sprintf("%s: %s", caller.name, violation))
		}
	}
	return violations
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
