package user

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/config"
)

func TestSignInWithPasskey(t *testing.T) {
	t.Parallel()

	t.Run("a passkey is both factors", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, config.Environment{"USER_SECOND_FACTOR_ROLES": string(auth.Owner)})
		ada := s.mustRegister(t, "ada@example.com")
		s.mustPutRole(t, ada.ID, auth.Owner)
		d := s.mustAddPasskey(t, s.mustSignIn(t, ada.Email).AccessToken)
		c := s.mustBeginPasskey(t, "", purposeSignIn)
		response := d.get(t, c, ada.ID)
		var issued tokens
		s.completePasskey(t, c, response).MustBe(t, http.StatusCreated).Into(t, &issued)
		s.call(t, http.MethodGet, "/v1/users", issued.AccessToken, nil).MustBe(t, http.StatusOK)
		if f := s.mustReadFactor(t, issued.AccessToken); f.UsedAt == nil {
			t.Errorf("got %+v, want the time of the sign-in", f)
		}
		s.completePasskey(t, c, response).MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
	})

	t.Run("responses for another account, origin or challenge, unverified users, clones and unknown passkeys are refused", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada, eve := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "eve@example.com")
		d := s.mustAddPasskey(t, s.mustSignIn(t, ada.Email).AccessToken)
		begin := func() ceremony { return s.mustBeginPasskey(t, "", purposeSignIn) }
		used := begin()
		s.completePasskey(t, used, d.get(t, used, ada.ID)).MustBe(t, http.StatusCreated)
		for name, respond := range map[string]func(c ceremony) string{
			"another account":   func(c ceremony) string { return d.get(t, c, eve.ID) },
			"no account":        func(c ceremony) string { return d.get(t, c, uuid.Nil) },
			"another challenge": func(ceremony) string { return d.get(t, begin(), ada.ID) },
			"another origin": func(c ceremony) string {
				phished := *d
				phished.site.Origin = "https://shop.example.org"
				return phished.get(t, c, ada.ID)
			},
			"an unverified user": func(c ceremony) string {
				unverified := *d
				unverified.authenticator.Options.UserNotVerified = true
				return unverified.get(t, c, ada.ID)
			},
			"a cloned passkey": func(c ceremony) string {
				clone := *d
				clone.credential.Counter = 0
				return clone.get(t, c, ada.ID)
			},
			"an unknown passkey": func(c ceremony) string { return newDevice().get(t, c, ada.ID) },
			"no JSON":            func(ceremony) string { return "x" },
			"an empty object":    func(ceremony) string { return "{}" },
		} {
			c := begin()
			if got := s.completePasskey(t, c, respond(c)); got.Status != http.StatusUnauthorized {
				t.Errorf("%s: got %d %s", name, got.Status, got.Body)
			}
		}
		password := s.mustChallenge(t, ada.Email)
		s.completePasskey(t, ceremony{Challenge: password}, "{}").MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
		s.complete(t, begin().Challenge, "123456").MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
	})

	t.Run("a removed passkey no longer signs in", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		d := s.mustAddPasskey(t, login.AccessToken)
		login = s.mustRefresh(t, login.RefreshToken)
		s.call(t, http.MethodDelete, "/v1/users/me/second-factor/"+s.mustReadFactor(t, login.AccessToken).ID.String(), login.AccessToken, nil).MustBe(t, http.StatusNoContent)
		c := s.mustBeginPasskey(t, "", purposeSignIn)
		s.completePasskey(t, c, d.get(t, c, ada.ID)).MustBeProblem(t, http.StatusUnauthorized, "wrong_passkey")
		s.mustSignIn(t, ada.Email)
	})
}

// Of several concurrent uses of one response, and of one counter with challenges of their own,
// one signs in.
func TestSignInWithPasskeyRace(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	d := s.mustAddPasskey(t, s.mustSignIn(t, ada.Email).AccessToken)
	for name, distinct := range map[string]bool{"one challenge": false, "one counter": true} {
		var ceremonies [4]ceremony
		var responses [4]string
		counter := d.credential.Counter
		for i := range ceremonies {
			if ceremonies[i] = s.mustBeginPasskey(t, "", purposeSignIn); !distinct {
				ceremonies[i] = ceremonies[0]
			}
			d.credential.Counter = counter
			responses[i] = d.get(t, ceremonies[i], ada.ID)
		}
		statuses := make([]int, len(ceremonies))
		var all sync.WaitGroup
		for i := range statuses {
			all.Go(func() { statuses[i] = s.completePasskey(t, ceremonies[i], responses[i]).Status })
		}
		all.Wait()
		succeeded := 0
		for _, status := range statuses {
			if status == http.StatusCreated {
				succeeded++
			} else if status != http.StatusUnauthorized {
				t.Errorf("%s: got %d", name, status)
			}
		}
		if succeeded != 1 {
			t.Errorf("%s: %v, want one 201", name, statuses)
		}
	}
}
