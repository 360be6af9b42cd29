package user

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	s.mustRegister(t, "grace@example.com")
	adas := s.Token(t, auth.Principal{UserID: ada.ID, Role: auth.Customer})

	t.Run("a caller gets the own account", func(t *testing.T) {
		t.Parallel()
		got := s.getMe(t, adas).MustBe(t, http.StatusOK)
		var me User
		got.Into(t, &me)
		if me != ada || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("got %+v, ETag %s; want %+v, ETag \"1\"", me, got.Header.Get("ETag"), ada)
		}
	})
	t.Run("a matching If-None-Match is a 304", func(t *testing.T) {
		t.Parallel()
		got := s.Do(t, functiontest.Request{
			Method: http.MethodGet, Path: "/v1/users/me", Token: adas, Header: map[string]string{"If-None-Match": `"1"`},
		})
		if got.Status != http.StatusNotModified || len(got.Body) > 0 {
			t.Fatalf("got %d %q, want 304 and nothing", got.Status, got.Body)
		}
	})

	signer, err := auth.NewSigner(s.Tokens.Signing)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := signer.Sign(auth.Principal{UserID: ada.ID, Role: auth.Customer}, time.Now().Add(-time.Hour), accessTokenTTL)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"no token":          "",
		"an expired token":  expired,
		"an unsigned token": "eyJhbGciOiJub25lIn0.e30.",
		"a missing account": s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer}),
		"a refresh token":   s.mustSignIn(t, "grace@example.com").RefreshToken,
		"a push token":      s.Tokens.Push(t),
	} {
		t.Run(name+" is rejected", func(t *testing.T) {
			t.Parallel()
			got := s.getMe(t, token)
			got.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
			if got.Header.Get("WWW-Authenticate") == "" {
				t.Fatal("a 401 without WWW-Authenticate")
			}
		})
	}
}
