package functions_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/apikey"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/event"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// refusedKeys have the keys that every function refuses, and how.
var refusedKeys = map[string]struct {
	change func(*apikey.Changed)
	send   func(secret string) string
	status int
	code   string
}{
	"an expired key":             {func(c *apikey.Changed) { c.ExpiresAt = agoBy(time.Second) }, nil, http.StatusUnauthorized, "unauthenticated"},
	"a revoked key":              {func(c *apikey.Changed) { *c = apikey.Changed{KeyID: c.KeyID, Version: 2, Revoked: true} }, nil, http.StatusUnauthorized, "unauthenticated"},
	"a secret that was replaced": {func(c *apikey.Changed) { c.Secrets[0].Until = agoBy(time.Second) }, nil, http.StatusUnauthorized, "unauthenticated"},
	"a key of another network":   {func(c *apikey.Changed) { c.Networks = []string{"198.51.100.0/24"} }, nil, http.StatusForbidden, "network_not_allowed"},
	"an unknown key":             {nil, func(string) string { return apikey.NewSecret(apikey.Live).Reveal() }, http.StatusUnauthorized, "unauthenticated"},
	"a key of a local system":    {nil, func(string) string { return apikey.NewSecret(apikey.Test).Reveal() }, http.StatusUnauthorized, "unauthenticated"},
	"a key with another last digit": {nil, func(s string) string {
		return s[:len(s)-1] + map[bool]string{true: "0", false: "1"}[s[len(s)-1] != '0']
	}, http.StatusUnauthorized, "unauthenticated"},
	"a key without its checksum":        {nil, func(s string) string { return s[:len(s)-6] }, http.StatusUnauthorized, "unauthenticated"},
	"a key in capital letters":          {nil, strings.ToUpper, http.StatusUnauthorized, "unauthenticated"},
	"the prefix of keys":                {nil, func(string) string { return string(apikey.Live) }, http.StatusUnauthorized, "unauthenticated"},
	"a key as a local system's":         {nil, func(s string) string { return strings.Replace(s, "live", "test", 1) }, http.StatusUnauthorized, "unauthenticated"},
	"a key with the hash as its secret": {nil, func(s string) string { hash, _ := apikey.ParseSecret(s); return fmt.Sprintf("%x", hash) }, http.StatusUnauthorized, "unauthenticated"},
}

func agoBy(d time.Duration) *time.Time { at := time.Now().Add(-d); return &at }

// takesTokens reports whether a function reads the token of a request.
func takesTokens(f manifest.Function) bool {
	return f.HTTP != "" && (f.Access != manifest.Anyone || f.Authentication == manifest.OptionalToken)
}

// newRefusedKeys stores the keys of refusedKeys and returns what is sent of each.
func newRefusedKeys(t testing.TB, s *functiontest.Server) map[string]string {
	t.Helper()
	sent := map[string]string{}
	for name, key := range refusedKeys {
		secret := s.Key(t, manifest.AllPermissions(), func(c *apikey.Changed) {
			if key.change != nil {
				key.change(c)
			}
		})
		if sent[name] = secret; key.send != nil {
			sent[name] = key.send(secret)
		}
	}
	return sent
}

// requireKeysRefused calls every function of a service that reads tokens with every kind of key that must
// be refused.
func requireKeysRefused(t *testing.T, s *functiontest.Server, service string, sent map[string]string) {
	t.Helper()
	for _, f := range functions.Manifest().FunctionsOf(service) {
		if !takesTokens(f) {
			continue
		}
		for name, key := range refusedKeys {
			response := s.Do(t, request(f, bearer(sent[name])))
			if response.Status != key.status || !strings.Contains(string(response.Body), `"code":"`+key.code+`"`) {
				t.Errorf("%s with %s: got %d %s, want %d %s", f.Name, name, response.Status, response.Body, key.status, key.code)
			}
			if strings.Contains(string(response.Body), sent[name]) {
				t.Errorf("%s with %s: the response repeats the secret: %s", f.Name, name, response.Body)
			}
		}
	}
}

// TestLimitedKeys calls every function with a key of one request per minute: once, and again. The time of
// the service stands still.
func TestLimitedKeys(t *testing.T) {
	t.Parallel()
	now := clock.Fixed(clock.System())
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service, functiontest.WithClock(now))
			secrets := map[string]string{}
			for _, f := range functions.Manifest().FunctionsOf(service) {
				secrets[f.Name] = s.Key(t, 0, func(c *apikey.Changed) { c.RatePerMinute = 1 })
			}
			for _, f := range functions.Manifest().FunctionsOf(service) {
				if !takesTokens(f) {
					continue
				}
				if response := s.Do(t, request(f, bearer(secrets[f.Name]))); response.Status != http.StatusForbidden {
					t.Errorf("%s: the first request got %d %s, want 403", f.Name, response.Status, response.Body)
				}
				response := s.Do(t, request(f, bearer(secrets[f.Name])))
				if response.Status != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "60" {
					t.Errorf("%s: the second request got %d %s, want 429", f.Name, response.Status, response.Body)
				}
			}
		})
	}
}

// keyShop is all services, each with two instances, and an owner of the shop.
type keyShop struct {
	shop
	owner string // token
}

func mustStartKeyShop(t *testing.T) *keyShop {
	t.Helper()
	s := &keyShop{shop: shop{writers: map[string]*functiontest.Server{}, readers: map[string]*functiontest.Server{}, offset: atomic.Int64{}}}
	for _, service := range functions.Manifest().Services() {
		s.writers[service] = mustStart(t, service, functiontest.WithClock(s.now))
		s.readers[service] = mustStart(t, service, functiontest.WithClock(s.now), functiontest.WithSameDatabase(s.writers[service]))
	}
	s.owner = mustIssueStaffToken(t, s.writers[issuer])
	return s
}

// mustSendKey sends a request to the operations for keys, and returns the key in the response.
func (s *keyShop) mustSendKey(t *testing.T, method, path string, body any) (key struct {
	ID     uuid.UUID
	Secret string
}) {
	t.Helper()
	response := s.writers[issuer].Do(t, functiontest.Request{
		Method: method, Path: "/v1/keys" + path, Token: s.owner, Header: map[string]string{"If-Match": "*"}, Body: body,
	})
	requireSuccess(t, response)
	if method != http.MethodDelete {
		mustDecode(t, response.Body, &key)
	}
	return key
}

// deliverKey delivers all events of a key to every subscribed function, twice and in random order.
func (s *keyShop) deliverKey(t *testing.T, id uuid.UUID) {
	t.Helper()
	events := slices.DeleteFunc(s.writers[issuer].Published.Events(apikey.Topic.Name()), func(e event.Event) bool { return e.AggregateID != id })
	deliveries := slices.Concat(events, events)
	subscribed := map[string]bool{issuer: true} // which stores keys in the transaction that changes them
	for _, f := range functions.Manifest().Functions {
		if !slices.Contains(f.Events, apikey.Topic.Name()) {
			continue
		}
		subscribed[f.Service] = true
		rand.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		for _, e := range deliveries {
			s.writers[f.Service].Deliver(t, f.Name, e).MustBe(t, http.StatusNoContent)
		}
	}
	for _, service := range functions.Manifest().Services() {
		if !subscribed[service] {
			t.Errorf("no function of %s consumes %s", service, apikey.Topic.Name())
		}
	}
	s.offset.Add(int64(apikey.MaxAge))
}

// require calls every function that requires a token with a secret, and requires that it is treated as a
// key, or refused.
func (s *keyShop) require(t *testing.T, secret string, accepted bool) {
	t.Helper()
	rule := func(_ manifest.Function, got functiontest.Response) string {
		if (got.Status == http.StatusUnauthorized) == accepted {
			return fmt.Sprintf("got %d %s", got.Status, got.Body)
		}
		return ""
	}
	for _, violation := range s.check(t, signedIn{role: auth.Key, AccessToken: secret}, "", rule) {
		t.Errorf("accepted should be %t: %s", accepted, violation)
	}
}

// TestKeyRevocation creates, rotates and revokes a key, and calls every function with its secrets after
// each step, when its events were delivered and the copies of the instances have expired.
func TestKeyRevocation(t *testing.T) {
	t.Parallel()
	s := mustStartKeyShop(t)
	first := s.mustSendKey(t, http.MethodPost, "", object{"name": "ERP", "scopes": []string{"orders.read"}})
	path := "/" + first.ID.String()
	s.deliverKey(t, first.ID)
	s.require(t, first.Secret, true)

	second := s.mustSendKey(t, http.MethodPost, path+"/rotate", object{"overlapSeconds": 60})
	s.deliverKey(t, first.ID)
	s.require(t, first.Secret, true)
	s.require(t, second.Secret, true)
	s.offset.Add(int64(time.Minute))
	s.require(t, first.Secret, false)
	s.require(t, second.Secret, true)

	s.mustSendKey(t, http.MethodPatch, path, object{"networks": []string{"198.51.100.0/24"}})
	s.deliverKey(t, first.ID)
	for _, violation := range s.check(t, signedIn{AccessToken: second.Secret}, "", func(_ manifest.Function, got functiontest.Response) string {
		if got.Status != http.StatusForbidden || !strings.Contains(string(got.Body), "network_not_allowed") {
			return fmt.Sprintf("got %d %s", got.Status, got.Body)
		}
		return ""
	}) {
		t.Error("from another network:", violation)
	}

	s.mustSendKey(t, http.MethodDelete, path, nil)
	s.deliverKey(t, first.ID)
	s.require(t, first.Secret, false)
	s.require(t, second.Secret, false)
	s.offset.Add(int64(time.Hour))
	s.require(t, second.Secret, false)
}
