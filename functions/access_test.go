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

// kind is what somebody is who asks a function: the rules tell kinds apart.
type kind string

const (
	nobody   kind = "nobody"   // sends no token
	impostor kind = "impostor" // sends one that is not good
	customer kind = "customer"
	admin    kind = "admin"
	pubsub   kind = "Pub/Sub"
)

// asker is somebody who asks a function.
type asker struct {
	name string
	kind kind
}

// caller is an asker with what they send as Authorization.
type caller struct {
	asker
	authorization []string
}

// letIn is the verdict on who gets past the rule, whatever the answer then is.
const letIn = 0

// someone is the id of an account that is not there.
var someone = uuid.MustParse("0199c0de-0000-7000-8000-000000000001")

// verdict is what the rule of a function says of a kind of caller: 401, 403 or
// letIn. It is the whole rule, written down a second time.
func verdict(f manifest.Function, k kind) (int, error) {
	switch {
	case f.HTTP == "" && k == pubsub, f.Access == manifest.Anyone:
		return letIn, nil
	case f.HTTP == "", k == nobody, k == impostor, k == pubsub:
		return http.StatusUnauthorized, nil
	case f.Access == manifest.User, f.Access == manifest.Admin && k == admin:
		return letIn, nil
	case f.Access == manifest.Admin:
		return http.StatusForbidden, nil
	}
	return 0, fmt.Errorf("%s: this test does not know access %q: say in verdict whom it lets in", f.Name, f.Access)
}

// callersOf returns everybody who may try a function.
func callersOf(t testing.TB, s *functiontest.Server, f manifest.Function) []caller {
	t.Helper()
	if f.HTTP == "" {
		callers := []caller{{asker: asker{"nobody", nobody}}, {asker{"Pub/Sub", pubsub}, bearer(s.Tokens.Push(t))}}
		for fault, token := range forgedPushes(t, s) {
			callers = append(callers, caller{asker{"who has a token " + fault, impostor}, bearer(token)})
		}
		return append(callers, caller{asker{"who has Pub/Sub's token twice", impostor}, bearer(s.Tokens.Push(t), s.Tokens.Push(t))})
	}
	ada := auth.Principal{UserID: mustAccount(t, s, f), Role: auth.Customer}
	boss := auth.Principal{UserID: mustAccount(t, s, f), Role: auth.Admin}
	callers := []caller{
		{asker: asker{"nobody", nobody}},
		{asker{"a customer", customer}, bearer(s.Token(t, ada))},
		{asker{"an admin", admin}, bearer(s.Token(t, boss))},
		{asker{"an admin who has two tokens", impostor}, bearer(s.Token(t, boss), s.Token(t, boss))},
		{asker{"an admin with another scheme", impostor}, []string{"Basic " + s.Token(t, boss)}},
		{asker{"an admin without a scheme", impostor}, []string{s.Token(t, boss)}},
		{asker{"a customer who tampered with the role", impostor}, bearer(tampered(t, s.Token(t, ada), 1))},
	}
	for fault, token := range forged(t, s, boss) {
		callers = append(callers, caller{asker{"an admin with a token " + fault, impostor}, bearer(token)})
	}
	return callers
}

func bearer(tokens ...string) []string {
	for i := range tokens {
		tokens[i] = "Bearer " + tokens[i]
	}
	return tokens
}

// mustAccount returns the id of somebody who may ask the function: for the user
// service an account that is there; the others know a caller by the token alone.
func mustAccount(t testing.TB, s *functiontest.Server, f manifest.Function) uuid.UUID {
	t.Helper()
	if f.Service != "user" {
		return uuid.New()
	}
	id, _ := mustRegister(t, s)
	return id
}

// password is that of every account that these tests make.
const password = "seven green bicycles"

// mustRegister makes an account and returns its id and e-mail address.
func mustRegister(t testing.TB, s *functiontest.Server) (id uuid.UUID, email string) {
	t.Helper()
	email = uuid.NewString() + "@example.com"
	id, err := user.Seed(t.Context(), s.DB, email, password, auth.Customer)
	if err != nil {
		t.Fatal(err)
	}
	return id, email
}

// request returns a request to the function. It need not succeed: what matters
// is whether it gets past the rule.
func request(f manifest.Function, authorization []string) functiontest.Request {
	method, path, _ := strings.Cut(function.Pattern(f), " ")
	if f.HTTP != "" {
		path = pathOf(f)
	}
	r := functiontest.Request{Method: method, Path: path, Authorization: authorization}
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
				t.Run(f.Name, func(t *testing.T) {
					t.Parallel()
					answers := map[asker]functiontest.Response{}
					for _, c := range callersOf(t, s, f) {
						answers[c.asker] = s.Do(t, request(f, c.authorization))
					}
					for _, fault := range judge(f, answers) {
						t.Error(fault)
					}
					for _, wrong := range wrongRules(f) {
						if judge(wrong, answers) == nil {
							t.Errorf("the matrix does not notice the rule %q %q in place of %q %q", wrong.HTTP, wrong.Access, f.HTTP, f.Access)
						}
					}
				})
			}
		})
	}
}

// wrongRules returns the function with every rule that is not its own.
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

// judge returns how the answers of a function break its rule: nothing if they do
// not.
func judge(f manifest.Function, answers map[asker]functiontest.Response) (faults []string) {
	for who, answer := range answers {
		want, err := verdict(f, who.kind)
		if err != nil {
			return []string{err.Error()}
		}
		if fault := fare(answer, want); fault != "" {
			faults = append(faults, fmt.Sprintf("%s: %s", who.name, fault))
		}
	}
	return faults
}

// fare says how an answer differs from the verdict, "" when it does not.
func fare(answer functiontest.Response, want int) string {
	refused := answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden
	switch {
	case want == letIn && (refused || answer.Status == http.StatusMethodNotAllowed || answer.Status >= http.StatusInternalServerError):
		return fmt.Sprintf("got %d, want to be let in: %s", answer.Status, answer.Body)
	case want == letIn:
		return ""
	case answer.Status != want:
		return fmt.Sprintf("got %d, want %d: %s", answer.Status, want, answer.Body)
	case answer.Header.Get("Content-Type") != "application/problem+json":
		return fmt.Sprintf("got a %d that is a %q, want a problem", want, answer.Header.Get("Content-Type"))
	case want == http.StatusUnauthorized && answer.Header.Get("WWW-Authenticate") == "":
		return "the 401 does not say how to authenticate (RFC 9110, section 15.5.2)"
	}
	code := map[int]string{http.StatusUnauthorized: auth401, http.StatusForbidden: auth403}[want]
	if !strings.Contains(string(answer.Body), fmt.Sprintf("%q:%q", "code", code)) {
		return fmt.Sprintf("the %d has not the code %s: %s", want, code, answer.Body)
	}
	return ""
}

// The codes of who is refused.
const (
	auth401 = "unauthenticated"
	auth403 = "forbidden"
)
