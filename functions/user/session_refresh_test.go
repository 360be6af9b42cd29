package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func TestRefreshSession(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")

	t.Run("each refresh returns new tokens of the same login", func(t *testing.T) {
		t.Parallel()
		issued := s.mustSignIn(t, "ada@example.com")
		for range 3 {
			next := s.mustRefresh(t, issued.RefreshToken)
			if next.RefreshToken == issued.RefreshToken {
				t.Fatal("the refresh token is the same")
			}
			var me User
			s.getMe(t, next.AccessToken).MustBe(t, http.StatusOK).Into(t, &me)
			if me != ada {
				t.Fatalf("the token is for %+v, want %+v", me, ada)
			}
			issued = next
		}
	})
	t.Run("an expired token is rejected", func(t *testing.T) {
		t.Parallel()
		old, token, err := defaultSessions.open(ada.ID, time.Now().UTC().Add(-sessionTTL))
		if err != nil {
			t.Fatal(err)
		}
		if inserted, err := insertSession(t.Context(), s.DB, old, credentials{PasswordVersion: 1}); err != nil || !inserted {
			t.Fatalf("got %t, %v", inserted, err)
		}
		s.requireInvalidRefreshToken(t, token)
	})
	t.Run("an invalid token is rejected", func(t *testing.T) {
		t.Parallel()
		s.requireInvalidRefreshToken(t, "guess")
		got := s.refresh(t, "guess")
		if got.Header.Get("WWW-Authenticate") == "" {
			t.Error("a 401 without WWW-Authenticate")
		}
		for _, body := range []any{object{}, object{"refreshToken": ""}, object{"refreshToken": 7}, object{"refreshToken": "x", "role": "admin"}} {
			s.post(t, "/v1/sessions/refresh", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
	t.Run("an invalid stored role is signed as customer", func(t *testing.T) {
		t.Parallel()
		cid := s.mustRegister(t, "cid@example.com")
		issued := s.mustSignIn(t, cid.Email)
		s.mustExec(t, `UPDATE user SET role = 'root' WHERE id = ?`, cid.ID[:])
		refreshed := s.mustRefresh(t, issued.RefreshToken)
		s.getMe(t, refreshed.AccessToken).MustBe(t, http.StatusOK)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: refreshed.AccessToken}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
	t.Run("a refreshed token has the current role", func(t *testing.T) {
		t.Parallel()
		bea := s.mustRegister(t, "bea@example.com")
		issued := s.mustSignIn(t, "bea@example.com")
		s.mustPutRole(t, bea.ID, auth.Owner)
		promoted := s.mustRefresh(t, issued.RefreshToken)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: promoted.AccessToken}).MustBe(t, http.StatusOK)
	})
}

func TestRefreshTokenReuse(t *testing.T) {
	t.Parallel()
	openAt := func(t *testing.T, settings config.Environment) (server, *movingClock) {
		t.Helper()
		moving := &movingClock{}
		s := openWith(t, settings, functiontest.WithClock(moving.now))
		s.mustRegister(t, "ada@example.com")
		return s, moving
	}

	t.Run("each reuse within the interval gets a valid token", func(t *testing.T) {
		t.Parallel()
		s, moving := openAt(t, nil)
		lost := s.mustSignIn(t, "ada@example.com").RefreshToken
		s.mustRefresh(t, lost) // its response never arrives
		moving.advance(29 * time.Second)
		first, second := s.mustRefresh(t, lost), s.mustRefresh(t, lost)
		moving.advance(time.Hour)
		for range 3 {
			first, second = s.mustRefresh(t, first.RefreshToken), s.mustRefresh(t, second.RefreshToken)
			s.getMe(t, first.AccessToken).MustBe(t, http.StatusOK)
			s.getMe(t, second.AccessToken).MustBe(t, http.StatusOK)
			moving.advance(time.Hour)
		}
	})
	t.Run("a reuse after the interval ends only this login, with all of its tokens", func(t *testing.T) {
		t.Parallel()
		s, moving := openAt(t, nil)
		other, issued := s.mustSignIn(t, "ada@example.com"), s.mustSignIn(t, "ada@example.com")
		first, second := s.mustRefresh(t, issued.RefreshToken), s.mustRefresh(t, issued.RefreshToken)
		next := s.mustRefresh(t, first.RefreshToken)
		moving.advance(30 * time.Second)
		s.requireInvalidRefreshToken(t, issued.RefreshToken)
		for _, token := range []string{issued.RefreshToken, first.RefreshToken, second.RefreshToken, next.RefreshToken} {
			s.requireInvalidRefreshToken(t, token)
		}
		for _, token := range []string{issued.AccessToken, first.AccessToken, second.AccessToken, next.AccessToken} {
			s.getMe(t, token).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
		}
		s.getMe(t, other.AccessToken).MustBe(t, http.StatusOK)
		s.mustRefresh(t, other.RefreshToken)
	})
	t.Run("the interval begins with the first use", func(t *testing.T) {
		t.Parallel()
		s, moving := openAt(t, nil)
		issued := s.mustSignIn(t, "ada@example.com")
		s.mustRefresh(t, issued.RefreshToken)
		moving.advance(20 * time.Second)
		s.mustRefresh(t, issued.RefreshToken)
		moving.advance(20 * time.Second)
		s.requireInvalidRefreshToken(t, issued.RefreshToken)
	})
	t.Run("the interval is a setting", func(t *testing.T) {
		t.Parallel()
		s, _ := openAt(t, config.Environment{"USER_REFRESH_REUSE_INTERVAL": "0s"})
		issued := s.mustSignIn(t, "ada@example.com")
		next := s.mustRefresh(t, issued.RefreshToken)
		s.requireInvalidRefreshToken(t, issued.RefreshToken)
		s.requireInvalidRefreshToken(t, next.RefreshToken)
	})
}

func TestSessionMaxAge(t *testing.T) {
	t.Parallel()
	moving := &movingClock{}
	s := openWith(t, nil, functiontest.WithClock(moving.now))
	s.mustRegister(t, "ada@example.com")
	issued := s.mustSignIn(t, "ada@example.com")
	for range 89 / 20 { // the row of the login expires meanwhile
		moving.advance(20 * 24 * time.Hour)
		issued = s.mustRefresh(t, issued.RefreshToken)
	}
	moving.advance(10*24*time.Hour - 5*time.Minute)
	issued = s.mustRefresh(t, issued.RefreshToken)
	if issued.ExpiresIn > 300 || issued.ExpiresIn < 200 {
		t.Errorf("an access token of a session that ends in 5 minutes is valid for %d s", issued.ExpiresIn)
	}
	moving.advance(5 * time.Minute)
	s.requireInvalidRefreshToken(t, issued.RefreshToken)
	moving.advance(2 * time.Minute) // more than the verifier's leeway
	s.getMe(t, issued.AccessToken).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
}

func TestSessionSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"USER_REFRESH_REUSE_INTERVAL": "11m", "USER_SESSION_MAX_AGE": "14m",
	} {
		if _, err := Functions(&function.Runtime{Environment: config.Environment{name: value}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
}

// Fifty clients refresh concurrently with one token: all stay signed in, in one login. After
// the interval, a reuse of the token ends the login for all.
func TestRefreshSessionRace(t *testing.T) {
	t.Parallel()
	moving := &movingClock{}
	s := openWith(t, nil, functiontest.WithClock(moving.now))
	ada := s.mustRegister(t, "ada@example.com")
	issued := s.mustSignIn(t, ada.Email)
	successors := make([]tokens, 50)
	var wg sync.WaitGroup
	for i := range successors {
		wg.Go(func() { successors[i] = s.mustRefresh(t, issued.RefreshToken) })
	}
	wg.Wait()
	distinct := map[string]bool{}
	for i := range successors {
		distinct[successors[i].RefreshToken] = true
		wg.Go(func() { successors[i] = s.mustRefresh(t, successors[i].RefreshToken) })
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(DISTINCT family_id) FROM session WHERE user_id = ?`, ada.ID[:]); n != 1 || len(distinct) != 50 {
		t.Fatalf("%d logins and %d tokens, want 1 and 50", n, len(distinct))
	}
	moving.advance(31 * time.Second)
	for range 10 {
		wg.Go(func() { s.requireInvalidRefreshToken(t, issued.RefreshToken) })
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(*) FROM session WHERE user_id = ?`, ada.ID[:]); n != 0 {
		t.Fatalf("%d sessions remain of a login that has ended", n)
	}
}
