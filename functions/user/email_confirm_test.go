package user

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/shared/emailaddress"
	"souk/shared/function/functiontest"
)

func TestConfirmEmail(t *testing.T) {
	t.Parallel()

	t.Run("the new address signs in, sessions go on, guest orders are adopted and the old address is notified", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		s.mustRequestReset(t, ada.Email)
		reset := s.lastToken(t, ada.Email)
		mailed := s.mustChangeEmail(t, login.AccessToken, "King@example.com")
		var u User
		got := s.confirmEmail(t, login.AccessToken, mailed)
		got.MustBe(t, http.StatusOK).Into(t, &u)
		if u.Email != "King@example.com" || u.Version != ada.Version+1 || got.Header.Get("ETag") != u.ETag() {
			t.Errorf("got %+v", u)
		}
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.Password)).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		s.mustSignIn(t, "king@example.com")
		s.getMe(t, s.mustRefresh(t, login.RefreshToken).AccessToken).MustBe(t, http.StatusOK)
		s.reset(t, reset, fixtures.NewPassword).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.confirmEmail(t, login.AccessToken, mailed).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		confirmed := 0
		for _, e := range s.Published.Events("email-confirmed") {
			var payload emailConfirmed
			if err := json.Unmarshal(e.Payload, &payload); err != nil {
				t.Fatal(err)
			}
			if payload.EmailID == emailaddress.ID("king@example.com") && payload.UserID == ada.ID {
				confirmed++
			}
		}
		if confirmed != 1 {
			t.Errorf("email-confirmed of the new address was published %d times, want once", confirmed)
		}
		s.Deliver(t, "password-changed-mail", s.mustEvent(t, "email-changed", ada.ID)).MustBe(t, http.StatusNoContent)
		mails := s.Mail.To(ada.Email)
		if last := mails[len(mails)-1]; last.Subject != "Your e-mail address was changed" {
			t.Errorf("the last mail to the old address is %q", last.Subject)
		}
		if n := len(s.Mail.To("King@example.com")); n != 1 {
			t.Errorf("%d mails to the new address, want 1", n)
		}
	})

	t.Run("the token works only for its account and until it expires", func(t *testing.T) {
		t.Parallel()
		moving := &movingClock{}
		s := openWith(t, nil, functiontest.WithClock(moving.now))
		ada, eve := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "eve@example.com")
		login := s.mustSignIn(t, ada.Email)
		mailed := s.mustChangeEmail(t, login.AccessToken, "king@example.com")
		s.confirmEmail(t, s.mustSignIn(t, eve.Email).AccessToken, mailed).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.confirmEmail(t, "", mailed).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		moving.advance(emailChangeTTL)
		s.confirmEmail(t, s.mustRefresh(t, login.RefreshToken).AccessToken, mailed).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
	})

	t.Run("the case of the account's own address can change", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		token := s.mustSignIn(t, ada.Email).AccessToken
		s.confirmEmail(t, token, s.mustChangeEmail(t, token, "Ada@Example.com")).MustBe(t, http.StatusOK)
		s.mustSignIn(t, ada.Email)
	})

	t.Run("an address that got an account in the meantime is refused", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
		mailed := s.mustChangeEmail(t, token, "king@example.com")
		s.mustRegister(t, "king@example.com")
		s.confirmEmail(t, token, mailed).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
	})
}

// Of several accounts that confirm the same address at the same time, one gets it; and each
// token is spent once.
func TestConfirmEmailRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	const accounts = 4
	var requests [2 * accounts]struct{ access, mailed string }
	for i := range accounts {
		token := s.mustSignIn(t, s.mustRegister(t, "racer-"+string(rune('a'+i))+"@example.com").Email).AccessToken
		requests[i].access, requests[i].mailed = token, s.mustChangeEmail(t, token, "shared@example.com")
		requests[accounts+i] = requests[i]
	}
	statuses := make([]int, len(requests))
	var all sync.WaitGroup
	for i, r := range requests {
		all.Go(func() { statuses[i] = s.confirmEmail(t, r.access, r.mailed).Status })
	}
	all.Wait()
	succeeded := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			succeeded++
		} else if status != http.StatusBadRequest {
			t.Errorf("got %d", status)
		}
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE email_key = 'shared@example.com'`); succeeded != 1 || n != 1 {
		t.Errorf("%d confirmations succeeded and %d accounts have the address, want 1 and 1", succeeded, n)
	}
}

func TestPruneEmailChanges(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
	s.mustChangeEmail(t, token, "king@example.com")
	s.mustExec(t, `UPDATE email_change SET expires_at = ?`, time.Now().UTC().Add(-time.Second))
	s.Deliver(t, "user-outbox", functiontest.NewEvent(t, "user-outbox", object{})).MustBe(t, http.StatusNoContent)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM email_change`); n != 0 {
		t.Errorf("%d expired changes remain", n)
	}
}
