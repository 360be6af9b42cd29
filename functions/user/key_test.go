package user

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

const keysPath = "/v1/keys"

// key sends a request to the operations for API keys.
func (s server) key(t *testing.T, token, method, path, etag string, body any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: method, Path: keysPath + path, Token: token, Header: header, Body: body})
}

// keyBody returns a body that creates a key.
func keyBody() object {
	return object{"name": "Warehouse", "scopes": []string{"orders.read", "keys.read"}, "networks": []string{"127.0.0.0/8", "::1/128"}, "ratePerMinute": 60}
}

// mustCreateKey creates a key and returns it with its secret.
func (s server) mustCreateKey(t *testing.T, token string) KeyWithSecret {
	t.Helper()
	var k KeyWithSecret
	s.key(t, token, http.MethodPost, "", "", keyBody()).MustBe(t, http.StatusCreated).Into(t, &k)
	return k
}

// requireKey requires that the service accepts a secret as that of a key, or refuses it.
func (s server) requireKey(t *testing.T, secret string, accepted bool) {
	t.Helper()
	switch got := s.key(t, secret, http.MethodGet, "", "", nil); {
	case accepted && got.Status != http.StatusOK:
		t.Errorf("the key is refused: %d %s", got.Status, got.Body)
	case !accepted:
		got.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	}
}

// limited returns a token of staff that may manage keys and has no other permission.
func (s server) limited(t *testing.T) string {
	t.Helper()
	_, token := s.mustHold(t, s.mustCreateRole(t, manifest.KeysWrite, manifest.KeysRead))
	return token
}

// mustFindKeyEvents returns the events of a key, in their order.
func (s server) mustFindKeyEvents(t *testing.T, id uuid.UUID) (states []apikey.Changed) {
	t.Helper()
	for _, e := range s.Published.Events(apikey.Topic.Name()) {
		if e.AggregateID == id {
			var c apikey.Changed
			if err := json.Unmarshal(e.Payload, &c); err != nil {
				t.Fatal(err)
			}
			states = append(states, c)
		}
	}
	return states
}
