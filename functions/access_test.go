package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// caller is somebody who asks a function, and what the answer must be by the
// function's rule: 401, 403, or 0 for anything but these.
type caller struct {
	name  string
	token string
	want  int
}

const letIn = 0

// callersOf returns everybody who may try a function that clients call.
func callersOf(t *testing.T, s *functiontest.Server, f manifest.Function) []caller {
	t.Helper()
	customer := auth.Principal{UserID: mustAccount(t, s, f), Role: auth.Customer}
	admin := auth.Principal{UserID: mustAccount(t, s, f), Role: auth.Admin}
	callers := []caller{
		{"nobody", "", http.StatusUnauthorized},
		{"a garbage token", "garbage", http.StatusUnauthorized},
		{"a token without a signature", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.", http.StatusUnauthorized},
		{"an expired token of an admin", s.Tokens.Expired(t, admin), http.StatusUnauthorized},
		{"Pub/Sub", s.Tokens.Push(t), http.StatusUnauthorized},
		{"a customer", s.Token(t, customer), letIn},
		{"an admin", s.Token(t, admin), letIn},
	}
	for i, c := range callers {
		switch {
		case f.Access == manifest.Anyone:
			callers[i].want = letIn
		case f.Access == manifest.Admin && c.name == "a customer":
			callers[i].want = http.StatusForbidden
		}
	}
	return callers
}

// mustAccount returns the id of somebody who may ask the function: for the user
// service an account that is there; the others know a caller by the token alone.
func mustAccount(t *testing.T, s *functiontest.Server, f manifest.Function) uuid.UUID {
	t.Helper()
	if f.Service != "user" {
		return uuid.New()
	}
	id, err := user.Seed(t.Context(), s.DB, uuid.NewString()+"@example.com", "seven green bicycles", auth.Customer)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// callersOfPush returns everybody who may try a function that Pub/Sub calls.
func callersOfPush(t *testing.T, s *functiontest.Server) []caller {
	t.Helper()
	_, customer := s.Tokens.Customer(t)
	return []caller{
		{"nobody", "", http.StatusUnauthorized},
		{"a garbage token", "garbage", http.StatusUnauthorized},
		{"a customer", customer, http.StatusUnauthorized},
		{"an admin", s.Tokens.Admin(t), http.StatusUnauthorized},
		{"Pub/Sub on its way to another audience", s.Tokens.PushTo(t, "https://elsewhere.test"), http.StatusUnauthorized},
		{"Pub/Sub", s.Tokens.Push(t), letIn},
	}
}

// request returns a request to the function. It need not succeed: what matters
// is whether it gets past the rule.
func request(f manifest.Function, token string) functiontest.Request {
	if f.HTTP == "" {
		method, path, _ := strings.Cut(function.Pattern(f), " ")
		return functiontest.Request{Method: method, Path: path, Token: token, Body: "{}"}
	}
	r := functiontest.Request{Method: f.Method(), Path: pathOf(f), Token: token}
	if r.Method != http.MethodGet && r.Method != http.MethodDelete {
		r.Body = "{}"
	}
	return r
}

// TestAccess asks every function of the list as everybody, over HTTP. It is made
// of the list, so a new function is in it at once.
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := MustStart(t, service)
			for _, f := range functions.Manifest().Of(service) {
				callers := callersOfPush(t, s)
				if f.HTTP != "" {
					callers = callersOf(t, s, f)
				}
				for _, c := range callers {
					verdict := fmt.Sprintf("gets a %d", c.want)
					if c.want == letIn {
						verdict = "is let in"
					}
					t.Run(f.Name+": "+c.name+" "+verdict, func(t *testing.T) {
						t.Parallel()
						mustFare(t, s.Do(t, request(f, c.token)), c.want)
					})
				}
			}
		})
	}
}

func mustFare(t *testing.T, answer functiontest.Response, want int) {
	t.Helper()
	switch want {
	case letIn:
		if answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden || answer.Status >= http.StatusInternalServerError ||
			answer.Status == http.StatusMethodNotAllowed {
			t.Errorf("got %d: %s", answer.Status, answer.Body)
		}
	case http.StatusForbidden:
		answer.MustBeProblem(t, want, "forbidden")
	default:
		answer.MustBeProblem(t, want, "unauthenticated")
		if answer.Header.Get("WWW-Authenticate") == "" {
			t.Error("the 401 does not say how to authenticate (RFC 9110, section 15.5.2)")
		}
	}
}
