package user

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
)

func TestGet(t *testing.T) {
	t.Parallel()
	server := mustServe(t)
	ada := server.MustRegister(t, "ada@example.com")
	server.MustRegister(t, "grace@example.com")
	mustSign := func(t *testing.T, p auth.Principal, at time.Time) string {
		t.Helper()
		token, err := server.Signer.Sign(p, at, accessTokenTTL)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + token
	}
	adas := auth.Principal{UserID: ada.ID, Role: auth.Customer}

	t.Run("shows callers themselves", func(t *testing.T) {
		t.Parallel()
		got := server.MustSend(t, "GET", "/v1/users/me", nil, "Authorization", mustSign(t, adas, time.Now()))
		var me User
		got.MustBe(t, http.StatusOK, &me)
		if me != ada || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("got %+v, ETag %s; want %+v, ETag \"1\"", me, got.Header.Get("ETag"), ada)
		}
	})
	t.Run("says nothing new to who has it", func(t *testing.T) {
		t.Parallel()
		got := server.MustSend(t, "GET", "/v1/users/me", nil, "Authorization", mustSign(t, adas, time.Now()), "If-None-Match", `"1"`)
		if got.Status != http.StatusNotModified || got.Body != "" {
			t.Fatalf("got %d %q, want 304 and nothing", got.Status, got.Body)
		}
	})
	for name, authorization := range map[string]string{
		"no token":                 "",
		"an expired token":         mustSign(t, adas, time.Now().Add(-time.Hour)),
		"somebody else's token":    "Bearer eyJhbGciOiJub25lIn0.e30.",
		"the token of nobody":      mustSign(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer}, time.Now()),
		"a refresh token":          "Bearer " + server.MustSignIn(t, "grace@example.com").RefreshToken,
		"a password, the old way":  "Basic YWRhQGV4YW1wbGUuY29tOnNldmVuIGdyZWVuIGJpY3ljbGVz",
		"a token of another shape": "Bearer abc",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if authorization != "" {
				headers = []string{"Authorization", authorization}
			}
			got := server.MustSend(t, "GET", "/v1/users/me", nil, headers...)
			got.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
			if got.Header.Get("WWW-Authenticate") == "" {
				t.Fatal("a 401 without WWW-Authenticate")
			}
		})
	}
}
