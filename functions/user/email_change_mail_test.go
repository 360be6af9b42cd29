package user

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func TestMailEmailChange(t *testing.T) {
	t.Parallel()

	t.Run("the response and the work are the same for an address in use, whose owner gets a notice without a token", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
		s.mustRegister(t, "bea@example.com")
		unused, used := s.changeEmail(t, token, "new@example.com"), s.changeEmail(t, token, "Bea@example.com")
		unused.Header.Del("X-Request-Id")
		used.Header.Del("X-Request-Id")
		for name := range unused.Header {
			if name != "Date" && name != "Trace-Id" && unused.Header.Get(name) != used.Header.Get(name) {
				t.Errorf("%s is %q, and %q for an address in use", name, unused.Header.Get(name), used.Header.Get(name))
			}
		}
		if unused.Status != used.Status || string(unused.Body) != string(used.Body) {
			t.Errorf("got %d %s, and %d %s for an address in use", unused.Status, unused.Body, used.Status, used.Body)
		}
		s.mustMailEmailChange(t, token, "Bea@example.com")
		mails := s.Mail.To("Bea@example.com")
		last := mails[len(mails)-1]
		if last.Subject != "Your e-mail address is in use" || tokenPattern.MatchString(last.Text) || strings.Contains(last.Text, "Ada") {
			t.Errorf("got %q: %s", last.Subject, last.Text)
		}
	})

	t.Run("a redelivery has the same token, and a replaced change is not mailed", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
		s.changeEmail(t, token, "first@example.com").MustBe(t, http.StatusAccepted)
		s.changeEmail(t, token, "second@example.com").MustBe(t, http.StatusAccepted)
		for _, e := range s.Published.Events("email-change-requested") {
			for range 2 {
				s.Deliver(t, "email-change-mail", e).MustBe(t, http.StatusNoContent)
			}
		}
		if first, second := s.Mail.To("first@example.com"), s.Mail.To("second@example.com"); len(first) != 0 || len(second) != 1 {
			t.Errorf("%d and %d mails, want 0 and 1", len(first), len(second))
		}
		s.confirmEmail(t, token, s.lastToken(t, "second@example.com")).MustBe(t, http.StatusOK)
	})

	t.Run("requests in a row send few mails to one address", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
		for range emailChangeQuota.burst + 2 {
			s.mustMailEmailChange(t, token, "new@example.com")
		}
		if n := len(s.Mail.To("new@example.com")); n != emailChangeQuota.burst {
			t.Errorf("%d mails, want %d", n, emailChangeQuota.burst)
		}
	})

	t.Run("a missing change is not mailed", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		e := functiontest.NewEvent(t, "email-change-requested", object{"changeId": uuid.New()})
		s.Deliver(t, "email-change-mail", e).MustBe(t, http.StatusNoContent)
	})
}
