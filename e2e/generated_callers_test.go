package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// caller is one kind of caller of generated requests.
type caller struct {
	name string
	// signIn returns a token; nil for callers without an account.
	signIn func(t testing.TB) string

	mu            sync.Mutex
	token         string
	authorization []string // of callers without an account
}

// callers returns a caller of each kind.
func (s *system) callers(t testing.TB, p *pools, v *values) []*caller {
	t.Helper()
	admin := &caller{name: "admin", signIn: s.admin}
	register := func(t testing.TB) string { t.Helper(); return s.mustSignUp(t, p, v) }
	all := []*caller{
		{name: "anonymous"},
		{name: "customer", signIn: register}, {name: "another customer", signIn: register}, admin, admin,
	}
	token := s.admin(t)
	p.admin = s.accountID(t, token)
	parts := strings.Split(token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + uuid.NewString() + `","role":"admin"}`))
	for name, authorization := range map[string][]string{
		"a token without a signature":   {"Bearer " + none + "." + parts[1] + "."},
		"a token with another payload":  {"Bearer " + parts[0] + "." + forged + "." + parts[2]},
		"not a token":                   {"Bearer abc"},
		"another scheme":                {"Basic YWRtaW46YWRtaW4="},
		"two tokens":                    {"Bearer " + token, "Bearer " + token},
		"an empty header":               {""},
		"a token of a wrong audience":   {"Bearer " + none + "." + forged + "." + parts[2]},
		"a very long token":             {"Bearer " + strings.Repeat("a", 7000)},
		"a token with odd characters":   {"Bearer \u00e9\u00e9"},
		"a scheme in another case":      {"bEaReR " + token},
		"a token with surrounding text": {"Bearer  " + token + " x"},
	} {
		all = append(all, &caller{name: name, authorization: authorization})
	}
	return all
}

// mustSignUp registers and confirms a new account, and signs it in.
func (s *system) mustSignUp(t testing.TB, p *pools, v *values) string {
	t.Helper()
	email := uuid.NewString() + "@example.com"
	s.sendUntilAccepted(t, fixtures.Register(fixtures.Registration(email))).
		MustBe(t, http.StatusCreated)
	token := s.mustReadMails(t, email, "")[0].token(t)
	s.sendUntilAccepted(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/email-verifications/confirm", Body: map[string]any{"token": token, "password": fixtures.Password}}).
		MustBe(t, http.StatusOK)
	p.add(v, "email", email)
	p.add(v, "password", fixtures.Password)
	p.add(v, "token", token)
	access := s.mustLogIn(t, email, fixtures.Password)
	p.add(v, "users", s.accountID(t, access))
	return access
}

// sendUntilAccepted sends a request until the rate limits accept it.
func (s *system) sendUntilAccepted(t testing.TB, r functiontest.Request) (got functiontest.Response) {
	t.Helper()
	eventually(t, "the shop accepts "+r.Path, func() bool {
		got = s.do(t, r)
		return got.Status != http.StatusTooManyRequests
	})
	return got
}

// accountID returns the id of the account that a token belongs to.
func (s *system) accountID(t testing.TB, token string) string {
	t.Helper()
	var me struct{ ID string }
	got := s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me", Token: token})
	if err := json.Unmarshal(got.Body, &me); err != nil || me.ID == "" {
		t.Fatalf("read the account: %v: %s", err, got.Body)
	}
	return me.ID
}

// headers returns the values of the header Authorization.
func (c *caller) headers(t testing.TB) []string {
	t.Helper()
	if c.signIn == nil {
		return c.authorization
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == "" {
		c.token = c.signIn(t)
	}
	return []string{"Bearer " + c.token}
}

// refused drops the token of the caller after a 401, so that the next request signs in
// again: the token has expired, or a generated request revoked it.
func (c *caller) refused(authorization []string) {
	if c.signIn == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(authorization) == 1 && authorization[0] == "Bearer "+c.token {
		c.token = ""
	}
}
