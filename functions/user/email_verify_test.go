package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/user/internal/password"
	"souk/shared/auth"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func TestVerifyEmail(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("the requested account is created once", func(t *testing.T) {
		t.Parallel()
		r := s.mustRequestAccount(t, fixtures.Registration("ada@example.com"))
		token := s.mustToken(t, r)
		got := s.confirm(t, token)
		var u User
		got.MustBe(t, http.StatusOK).Into(t, &u)
		want := User{ID: r.ID, Email: r.Email, Name: r.Name, Role: auth.Customer, Version: 1, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt}
		if diff := cmp.Diff(want, u); diff != "" || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("ETag %s, account (-want +got):\n%s", got.Header.Get("ETag"), diff)
		}
		s.mustSignIn(t, "ada@example.com")
		s.confirm(t, token).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
	})

	t.Run("all invalid tokens and passwords get the same response", func(t *testing.T) {
		t.Parallel()
		spent := s.mustToken(t, s.mustRequestAccount(t, fixtures.Registration("spent@example.com")))
		s.confirm(t, spent).MustBe(t, http.StatusOK)
		old := s.mustRequestAccount(t, fixtures.Registration("old@example.com"))
		expired := s.mustToken(t, old)
		s.mustExec(t, `UPDATE registration SET expires_at = ? WHERE id = ?`, time.Now().UTC(), old.ID[:])
		aged := s.mustRequestAccount(t, fixtures.Registration("aged@example.com"))
		agedToken := s.mustToken(t, aged)
		s.mustExec(t, `UPDATE email_confirmation SET expires_at = ? WHERE email_key = ?`, time.Now().UTC(), aged.Email)
		valid := s.mustToken(t, s.mustRequestAccount(t, fixtures.Registration("valid@example.com")))
		unknown := s.confirm(t, strings.Repeat("A", 43))
		for _, got := range []functiontest.Response{
			s.confirm(t, spent), s.confirm(t, expired), s.confirm(t, agedToken), s.confirm(t, "x"), s.confirmWith(t, valid, "wrong password"),
		} {
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_token")
			if withoutTrace(t, got) != withoutTrace(t, unknown) {
				t.Errorf("got %s, want %s", got.Body, unknown.Body)
			}
		}
		for _, body := range []object{
			{}, {"token": valid}, {"password": fixtures.Password}, {"token": "", "password": fixtures.Password}, {"token": valid, "password": ""},
			{"token": strings.Repeat("A", 129), "password": fixtures.Password}, {"token": valid, "password": strings.Repeat("a", 129)},
		} {
			s.post(t, "/v1/email-verifications/confirm", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.confirm(t, valid).MustBe(t, http.StatusOK) // a wrong password does not spend the token
	})

	t.Run("the number of attempts for a registration is limited", func(t *testing.T) {
		t.Parallel()
		token := s.mustToken(t, s.mustRequestAccount(t, fixtures.Registration("tried@example.com")))
		for range maxConfirmAttempts {
			s.confirmWith(t, token, "wrong password").MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		}
		s.confirm(t, token).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		again := fixtures.Registration("tried@example.com")
		again["password"] = fixtures.NewPassword
		s.mustRequestAccount(t, again)
		s.confirmWith(t, token, fixtures.NewPassword).MustBe(t, http.StatusOK)
	})

	t.Run("only the password of the address's latest registration is accepted", func(t *testing.T) {
		t.Parallel()
		first, second := fixtures.Registration("victim@example.com"), fixtures.Registration("Victim@example.com")
		first["password"] = "attacker's password"
		attackers := s.mustToken(t, s.mustRequestAccount(t, first))
		victims := s.mustToken(t, s.mustRequestAccount(t, second))
		for _, token := range []string{attackers, victims} {
			s.confirmWith(t, token, "attacker's password").MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM registration WHERE email_key = ?`, "victim@example.com"); n != 1 {
			t.Errorf("%d registrations are pending, want 1", n)
		}
		s.confirm(t, victims).MustBe(t, http.StatusOK)
		s.confirm(t, attackers).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.mustSignIn(t, "victim@example.com")
		for _, table := range []string{"registration", "email_confirmation"} {
			if n := s.mustCount(t, `SELECT COUNT(*) FROM `+table+` WHERE email_key = ?`, "victim@example.com"); n != 0 {
				t.Errorf("%d rows of %s remain", n, table)
			}
		}
	})
}

// An attempt whose password could not be checked is not counted.
func TestBusyConfirmationSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.mustRequestAccount(t, fixtures.Registration("busy@example.com"))
	token := s.mustToken(t, r)
	pending, err := selectPendingRegistration(t.Context(), s.DB, hashSecret(token), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	busy := &service{Runtime: &function.Runtime{DB: s.DB}, passwords: password.NewHasher(0, 1, time.Millisecond)} // no slot
	for range 2 {
		_, err := busy.checkRegistration(t.Context(), pending, fixtures.Password)
		requireBusy(t, err)
	}
	if n := s.mustCount(t, `SELECT tries FROM registration WHERE id = ?`, r.ID[:]); n != 0 {
		t.Errorf("%d attempts are counted", n)
	}
	s.confirm(t, token).MustBe(t, http.StatusOK)
}

// An attacker registers an address repeatedly, before and after its owner. The owner always
// has a valid token, and no token is ever valid for the attacker's password.
func TestRegistrationCannotBeHijacked(t *testing.T) {
	t.Parallel()
	const victim, attackers = "victim@example.com", "attacker's password"
	for name, test := range map[string]struct {
		before, after int
		mails         int // to the victim, at the end
	}{
		"five times before":         {5, 0, 6},
		"more often than the quota": {registrationQuota.burst + 5, 0, registrationQuota.burst},
		"before and after":          {5, 1, 7},
		"after, beyond the quota":   {5, registrationQuota.burst, registrationQuota.burst},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			request := func(password string) {
				t.Helper()
				body := fixtures.Registration(victim)
				body["password"] = password
				r := s.mustRequestAccount(t, body)
				s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
			}
			for range test.before {
				request(attackers)
			}
			request(fixtures.Password)
			for range test.after {
				request(attackers)
			}
			mails := s.Mail.To(victim)
			if len(mails) != test.mails {
				t.Errorf("%d mails, want %d", len(mails), test.mails)
			}
			if test.after > 0 {
				// The owner's registration was replaced. The owner registers again, as the
				// problem's detail recommends, and uses any of the mails.
				s.confirmWith(t, tokenIn(t, mails[0].Text), fixtures.Password).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
				request(fixtures.Password)
			}
			for _, mail := range mails {
				s.confirmWith(t, tokenIn(t, mail.Text), "").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			}
			s.confirmWith(t, tokenIn(t, mails[len(mails)-1].Text), attackers).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
			s.confirmWith(t, tokenIn(t, mails[len(mails)-1].Text), fixtures.Password).MustBe(t, http.StatusOK)
			s.mustSignIn(t, victim)
			s.post(t, "/v1/sessions", fixtures.Login(victim, attackers)).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		})
	}
}

// One of several concurrent confirmations of an address creates the account.
func TestVerifyEmailRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	var confirmed []string
	for range 5 {
		confirmed = append(confirmed, s.mustToken(t, s.mustRequestAccount(t, fixtures.Registration("ada@example.com"))))
	}
	statuses := make(chan int, 2*len(confirmed))
	var all sync.WaitGroup
	for _, token := range append(confirmed, confirmed...) {
		all.Go(func() { statuses <- s.confirm(t, token).Status })
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusBadRequest] != 2*len(confirmed)-1 {
		t.Errorf("got %v", count)
	}
}
