package user

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/mail/catch"
)

func TestVerifyEmail(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("opens the account that was asked for, once", func(t *testing.T) {
		t.Parallel()
		r := s.mustAsk(t, registration("ada@example.com"))
		token := s.mustToken(t, r)
		got := s.confirm(t, token)
		var u User
		got.MustBe(t, http.StatusOK).Into(t, &u)
		want := User{ID: r.ID, Email: r.Email, Name: r.Name, Role: auth.Customer, Version: 1, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt}
		if u != want || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("got %+v, want %+v", u, want)
		}
		s.mustSignIn(t, "ada@example.com")
		s.confirm(t, token).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
	})

	t.Run("says the same of every token that opens nothing", func(t *testing.T) {
		t.Parallel()
		spent := s.mustToken(t, s.mustAsk(t, registration("spent@example.com")))
		s.confirm(t, spent).MustBe(t, http.StatusOK)
		old := s.mustAsk(t, registration("old@example.com"))
		expired := s.mustToken(t, old)
		s.mustExec(t, `UPDATE registration SET expires_at = ? WHERE id = ?`, time.Now().UTC(), old.ID[:])
		unknown := s.confirm(t, strings.Repeat("A", 43))
		for _, token := range []string{spent, expired, "x"} {
			got := s.confirm(t, token)
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_token")
			if withoutTrace(t, got) != withoutTrace(t, unknown) {
				t.Errorf("got %s, want %s", got.Body, unknown.Body)
			}
		}
		for _, body := range []object{{}, {"token": ""}, {"token": strings.Repeat("A", 129)}} {
			s.post(t, "/v1/email-verifications/confirm", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})

	t.Run("settles the address: no other registration of it can be confirmed", func(t *testing.T) {
		t.Parallel()
		attacker, owner := registration("victim@example.com"), registration("Victim@example.com")
		attacker["password"] = "attacker's password"
		theirs := s.mustToken(t, s.mustAsk(t, attacker))
		mine := s.mustToken(t, s.mustAsk(t, owner))
		s.confirm(t, mine).MustBe(t, http.StatusOK)
		s.confirm(t, theirs).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.mustSignIn(t, "victim@example.com")
		if n := s.mustCount(t, `SELECT COUNT(*) FROM registration WHERE email_key = ?`, "victim@example.com"); n != 0 {
			t.Errorf("%d registrations are left", n)
		}
	})
}

func (s server) mustExec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// Of all that is confirmed at once for one address, one becomes the account.
func TestVerifyEmailRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	var confirmed []string
	for range mailBurst {
		confirmed = append(confirmed, s.mustToken(t, s.mustAsk(t, registration("ada@example.com"))))
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

func TestMailRegistration(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("mails once, however often the event comes", func(t *testing.T) {
		t.Parallel()
		r := s.mustAsk(t, registration("once@example.com"))
		e := s.mustEvent(t, "registration-requested", r.ID)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { s.Deliver(t, "registration-mail", e).MustBe(t, http.StatusNoContent) })
		}
		all.Wait()
		s.Deliver(t, "registration-mail", e).MustBe(t, http.StatusNoContent)
		s.confirm(t, tokenIn(t, s.Mail.MustHave(t, r.Email).Text)).MustBe(t, http.StatusOK)
	})

	t.Run("tells the owner of an address that there is an account, and gives no token", func(t *testing.T) {
		t.Parallel()
		owner := s.mustRegister(t, "owner@example.com")
		body := registration("OWNER@example.com")
		body["name"] = "Eve"
		r := s.mustAsk(t, body)
		s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
		letters := s.Mail.To(owner.Email)
		last := letters[len(letters)-1]
		if last.Subject != "You have an account already" || tokenForm.MatchString(last.Text+last.HTML) || strings.Contains(last.Text, "Eve") {
			t.Errorf("got %s", last.Source)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM registration WHERE id = ?`, r.ID[:]); n != 0 {
			t.Error("the registration is kept, though it can come to nothing")
		}
	})

	t.Run("sends an address no more than its share, and forgets what it did not mail", func(t *testing.T) {
		t.Parallel()
		for range mailBurst + 3 {
			r := s.mustAsk(t, registration("flooded@example.com"))
			s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
		}
		if n := len(s.Mail.To("flooded@example.com")); n != mailBurst {
			t.Errorf("%d mails, want %d", n, mailBurst)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM registration WHERE email_key = ?`, "flooded@example.com"); n != mailBurst {
			t.Errorf("%d registrations are open, want %d", n, mailBurst)
		}
	})

	t.Run("shows no advertisement that somebody chose for a name", func(t *testing.T) {
		t.Parallel()
		body := registration("advertised@example.com")
		body["name"] = "Win at https://casino.example"
		s.mustToken(t, s.mustAsk(t, body))
		if got := s.Mail.MustHave(t, "advertised@example.com"); strings.Contains(string(got.Source), "casino") {
			t.Errorf("got %s", got.Source)
		}
	})

	t.Run("gives no token to events, rows or logs", func(t *testing.T) {
		t.Parallel()
		r := s.mustAsk(t, registration("silent-canary@example.com"))
		token := s.mustToken(t, r)
		for _, e := range s.Topics.Of("registration-requested") {
			if payload := string(e.Payload); strings.Contains(payload, token) || strings.Contains(payload, "canary") {
				t.Errorf("it is in the event %s", payload)
			}
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM outbox WHERE payload LIKE ? OR payload LIKE ?`, "%"+token+"%", "%canary%"); n != 0 {
			t.Error("it is in the outbox")
		}
		if logs.Contains(token) || logs.Contains("silent-canary@example.com") {
			t.Error("it is in the log")
		}
	})
}

// A test of its own: its mail server fails.
func TestMailThatFails(t *testing.T) {
	t.Parallel()
	s := open(t)
	deliver := func(r Registration) functiontest.Response {
		return s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID))
	}
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later, canary-later@example.com"}

	later := s.mustAsk(t, registration("canary-later@example.com"))
	s.Mail.Refuse(func(string) error { return busy })
	deliver(later).MustBe(t, http.StatusInternalServerError)
	s.Mail.Refuse(nil)
	s.Mail.Taking(func(catch.Letter) error { return errors.New("no disk") })
	deliver(later).MustBe(t, http.StatusInternalServerError)
	s.Mail.Taking(nil)
	deliver(later).MustBe(t, http.StatusNoContent)
	s.confirm(t, tokenIn(t, s.Mail.MustHave(t, later.Email).Text)).MustBe(t, http.StatusOK)

	never := s.mustAsk(t, registration("canary-never@example.com"))
	s.Mail.Refuse(func(address string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "there is no " + address}
	})
	asked := s.Mail.Asked()
	deliver(never).MustBe(t, http.StatusNoContent)
	s.Mail.Refuse(nil)
	deliver(never).MustBe(t, http.StatusNoContent)
	if n := s.Mail.Asked() - asked; n != 1 || len(s.Mail.To(never.Email)) != 0 {
		t.Errorf("the server was asked %d times, want once", n)
	}
	if !logs.Contains("a mail is refused for good") || logs.Contains("canary-never") || logs.Contains("canary-later") {
		t.Error("the log lacks the refusal, or has the address")
	}
}
