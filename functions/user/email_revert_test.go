package user

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func (s server) revertEmail(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/email-changes/revert", object{"token": token})
}

// mustReplaceEmail changes the address of an account and returns the token that reverts it.
func (s server) mustReplaceEmail(t *testing.T, u User, accessToken, email string) string {
	t.Helper()
	var changed User
	s.confirmEmail(t, accessToken, s.mustChangeEmail(t, accessToken, email)).MustBe(t, http.StatusOK).Into(t, &changed)
	events := s.Published.Events("email-changed")
	s.Deliver(t, "password-changed-mail", events[len(events)-1]).MustBe(t, http.StatusNoContent)
	return s.lastToken(t, u.Email)
}

func TestRevertEmail(t *testing.T) {
	t.Parallel()

	t.Run("the old address is restored, the password is void and all sessions end", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		token := s.mustReplaceEmail(t, ada, login.AccessToken, "eve@example.com")
		s.mustRequestReset(t, "eve@example.com")
		attackersReset := s.lastToken(t, "eve@example.com")
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		s.revertEmail(t, token).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.requireInvalidRefreshToken(t, login.RefreshToken)
		for _, email := range []string{ada.Email, "eve@example.com"} {
			s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password)).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		}
		s.reset(t, attackersReset, fixtures.NewPassword).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.mustRequestReset(t, ada.Email)
		s.reset(t, s.lastToken(t, ada.Email), fixtures.NewPassword).MustBe(t, http.StatusNoContent)
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.NewPassword)).MustBe(t, http.StatusCreated)
		if logs.Contains(token) {
			t.Error("the token is in the log")
		}
	})

	t.Run("the first of several changes can be reverted, and no later one then", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		access := s.mustSignIn(t, ada.Email).AccessToken
		first := s.mustReplaceEmail(t, ada, access, "eve@example.com")
		second := s.mustReplaceEmail(t, User{Email: "eve@example.com"}, access, "mallory@example.com")
		s.revertEmail(t, first).MustBe(t, http.StatusNoContent)
		s.revertEmail(t, second).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE email_key = ?`, ada.Email); n != 1 {
			t.Errorf("%d accounts have the first address, want 1", n)
		}
	})

	t.Run("tokens that are wrong, expired or of an address in use are refused", func(t *testing.T) {
		t.Parallel()
		moving := &movingClock{}
		s := openWith(t, nil, functiontest.WithClock(moving.now))
		ada, bea := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "bea@example.com")
		taken := s.mustReplaceEmail(t, ada, s.mustSignIn(t, ada.Email).AccessToken, "king@example.com")
		expired := s.mustReplaceEmail(t, bea, s.mustSignIn(t, bea.Email).AccessToken, "queen@example.com")
		s.mustRegister(t, ada.Email)
		s.revertEmail(t, taken).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.revertEmail(t, strings.Repeat("A", 43)).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		moving.advance(emailRevertTTL)
		s.revertEmail(t, expired).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
	})
}

// TestRevertEmailAccess requires that a revert removes the credentials with which a person who took
// the account over could sign in or call the API, and that older ones remain. Those are added with a
// clock that is set back: the tokens of deliveries are valid for an hour.
func TestRevertEmailAccess(t *testing.T) {
	t.Parallel()
	factors := func(t *testing.T, s factorServer, token string) (kinds []string) {
		t.Helper()
		var state SecondFactor
		s.call(t, http.MethodGet, "/v1/users/me/second-factor", token, nil).MustBe(t, http.StatusOK).Into(t, &state)
		for _, f := range state.Factors {
			kinds = append(kinds, f.Kind)
		}
		return append(kinds, fmt.Sprintf("%d codes", state.RecoveryCodes))
	}
	// reset sets fixtures.Password again: the revert has voided it.
	reset := func(t *testing.T, s factorServer, email string) {
		t.Helper()
		s.mustRequestReset(t, email)
		s.reset(t, s.lastToken(t, email), fixtures.Password).MustBe(t, http.StatusNoContent)
	}

	t.Run("an account without a second factor has none again", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		token := s.mustReplaceEmail(t, ada, login.AccessToken, "eve@example.com")
		s.mustEnrolApp(t, login.AccessToken)
		s.clock.advance(time.Second)
		s.mustAddPasskey(t, s.mustRefresh(t, login.RefreshToken).AccessToken)
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		reset(t, s, ada.Email)
		if diff := cmp.Diff([]string{"0 codes"}, factors(t, s, s.mustSignIn(t, ada.Email).AccessToken)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		entries := s.mustListTrail(t, "operation=email-revert")
		if want := []string{"email-revert by customer", "email-revert by customer"}; !slices.Equal(operations(entries), want) {
			t.Errorf("the trail has %v, want the address and the factors", operations(entries))
		}
		mails := len(s.Mail.To(ada.Email))
		events := s.Published.Events("second-factor-changed")
		s.Deliver(t, "password-changed-mail", events[len(events)-1]).MustBe(t, http.StatusNoContent)
		if sent := s.Mail.To(ada.Email); len(sent) != mails+1 || !strings.Contains(sent[mails].Text, "was reverted") {
			t.Errorf("%d mails after %d, want one about the factors to the old address", len(sent), mails)
		}
	})

	t.Run("a passkey that was added before the request is removed", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		s.clock.advance(time.Minute - emailRevertTTL)
		d := s.mustAddPasskey(t, s.mustSignIn(t, ada.Email).AccessToken)
		s.clock.advance(emailRevertTTL - time.Minute)
		c := s.mustBeginPasskey(t, "", purposeSignIn)
		var attacker tokens
		s.completePasskey(t, c, d.get(t, c, ada.ID)).MustBe(t, http.StatusCreated).Into(t, &attacker)
		token := s.mustReplaceEmail(t, ada, attacker.AccessToken, "eve@example.com")
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		reset(t, s, ada.Email)
		if diff := cmp.Diff([]string{"0 codes"}, factors(t, s, s.mustSignIn(t, ada.Email).AccessToken)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		c = s.mustBeginPasskey(t, "", purposeSignIn)
		s.completePasskey(t, c, d.get(t, c, ada.ID)).MustBeProblem(t, http.StatusUnauthorized, "wrong_passkey")
	})

	t.Run("the second factor from before remains, without the recovery codes since", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		s.clock.advance(-emailRevertTTL - time.Minute)
		app := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
		s.clock.advance(emailRevertTTL + time.Minute)
		app.at = s.clock.now()
		access := s.mustSignInWith(t, ada.Email, app.code(t)).AccessToken
		token := s.mustReplaceEmail(t, ada, access, "eve@example.com")
		s.clock.advance(time.Second)
		s.mustAddPasskey(t, access)
		s.call(t, http.MethodPost, "/v1/users/me/recovery-codes", access, nil).MustBe(t, http.StatusCreated)
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		reset(t, s, ada.Email)
		s.clock.advance(time.Minute)
		app.at = s.clock.now()
		if diff := cmp.Diff([]string{"totp", "0 codes"}, factors(t, s, s.mustSignInWith(t, ada.Email, app.code(t)).AccessToken)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("recovery codes from before remain", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		s.clock.advance(-emailRevertTTL - time.Minute)
		app := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
		s.clock.advance(emailRevertTTL + time.Minute)
		app.at = s.clock.now()
		token := s.mustReplaceEmail(t, ada, s.mustSignInWith(t, ada.Email, app.code(t)).AccessToken, "eve@example.com")
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		reset(t, s, ada.Email)
		s.mustSignInWith(t, ada.Email, app.codes[0])
	})

	t.Run("keys that the account has created or rotated since are revoked, others remain", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		s.mustPutRole(t, ada.ID, auth.Owner)
		s.clock.advance(-emailRevertTTL - time.Minute)
		access := s.mustSignIn(t, ada.Email).AccessToken
		before, rotated := s.mustCreateKey(t, access), s.mustCreateKey(t, access)
		s.clock.advance(emailRevertTTL + time.Minute)
		access = s.mustSignIn(t, ada.Email).AccessToken
		early := s.mustCreateKey(t, access)
		s.clock.advance(time.Second)
		token := s.mustReplaceEmail(t, ada, access, "eve@example.com")
		s.clock.advance(time.Second)
		since := s.mustCreateKey(t, access)
		rotated = s.mustRotate(t, access, rotated.ID, time.Hour)
		_, other := s.mustAdmin(t)
		others := s.mustCreateKey(t, other)
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		for key, accepted := range map[*KeyWithSecret]bool{&before: true, &others: true, &early: false, &since: false, &rotated: false} {
			s.requireKey(t, key.Secret, accepted)
		}
		if states := s.mustFindKeyEvents(t, since.ID); !states[len(states)-1].Revoked {
			t.Error("the revocation is not published")
		}
	})
}

// A revert that is concurrent with another change wins: whatever the order, the account has
// its first address, or the second change was confirmed afterwards and can be reverted.
func TestRevertEmailRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	access := s.mustSignIn(t, ada.Email).AccessToken
	revert := s.mustReplaceEmail(t, ada, access, "eve@example.com")
	mailed := s.mustChangeEmail(t, access, "mallory@example.com")
	statuses := make([]int, 4)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			if i%2 == 0 {
				statuses[i] = s.revertEmail(t, revert).Status
			} else {
				statuses[i] = s.confirmEmail(t, access, mailed).Status
			}
		})
	}
	all.Wait()
	if reverted := statuses[0] + statuses[2]; reverted != http.StatusNoContent+http.StatusBadRequest {
		t.Errorf("the reverts got %d and %d, want one 204", statuses[0], statuses[2])
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE email_key = ?`, ada.Email); n != 1 {
		t.Errorf("%d accounts have the first address, want 1 (%v)", n, statuses)
	}
}
