package user

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
	"souk/shared/mail/catch"
)

func TestMailRegistration(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("one mail is sent for repeated and concurrent deliveries", func(t *testing.T) {
		t.Parallel()
		r := s.mustRequestAccount(t, fixtures.Registration("once@example.com"))
		e := s.mustEvent(t, "registration-requested", r.ID)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { s.Deliver(t, "registration-mail", e).MustBe(t, http.StatusNoContent) })
		}
		all.Wait()
		s.Deliver(t, "registration-mail", e).MustBe(t, http.StatusNoContent)
		s.confirm(t, tokenIn(t, s.Mail.Only(t, r.Email).Text)).MustBe(t, http.StatusOK)
	})

	t.Run("the owner of an address with an account gets a notice without a token", func(t *testing.T) {
		t.Parallel()
		owner := s.mustRegister(t, "owner@example.com")
		body := fixtures.Registration("OWNER@example.com")
		body["name"] = "Eve"
		r := s.mustRequestAccount(t, body)
		s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
		mails := s.Mail.To(owner.Email)
		last := mails[len(mails)-1]
		if last.Subject != "You have an account already" || tokenPattern.MatchString(last.Text+last.HTML) || strings.Contains(last.Text, "Eve") {
			t.Errorf("got %s", last.Source)
		}
	})

	t.Run("an address gets no more mails than its quota", func(t *testing.T) {
		t.Parallel()
		for range registrationQuota.burst + 3 {
			r := s.mustRequestAccount(t, fixtures.Registration("flooded@example.com"))
			s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
		}
		if n := len(s.Mail.To("flooded@example.com")); n != registrationQuota.burst {
			t.Errorf("%d mails, want %d", n, registrationQuota.burst)
		}
	})

	t.Run("a replaced registration is not mailed", func(t *testing.T) {
		t.Parallel()
		first := s.mustRequestAccount(t, fixtures.Registration("twice@example.com"))
		second := s.mustRequestAccount(t, fixtures.Registration("twice@example.com"))
		for _, r := range []Registration{first, second} {
			s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
		}
		s.confirm(t, tokenIn(t, s.Mail.Only(t, "twice@example.com").Text)).MustBe(t, http.StatusOK)
	})

	t.Run("events, rows and logs do not contain the token", func(t *testing.T) {
		t.Parallel()
		r := s.mustRequestAccount(t, fixtures.Registration("silent-canary@example.com"))
		token := s.mustToken(t, r)
		for _, e := range s.Published.Events("registration-requested") {
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

// The mail server fails first temporarily, then permanently.
func TestMailFailure(t *testing.T) {
	t.Parallel()
	s := open(t)
	deliver := func(r Registration) functiontest.Response {
		return s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID))
	}
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later, canary-later@example.com"}

	later := s.mustRequestAccount(t, fixtures.Registration("canary-later@example.com"))
	s.Mail.Refuse(func(string) error { return busy })
	deliver(later).MustBe(t, http.StatusInternalServerError)
	s.Mail.Refuse(nil)
	s.Mail.OnMessage(func(catch.Letter) error { return errors.New("no disk") })
	deliver(later).MustBe(t, http.StatusInternalServerError)
	s.Mail.OnMessage(nil)
	deliver(later).MustBe(t, http.StatusNoContent)
	s.confirm(t, tokenIn(t, s.Mail.Only(t, later.Email).Text)).MustBe(t, http.StatusOK)

	never := s.mustRequestAccount(t, fixtures.Registration("canary-never@example.com"))
	s.Mail.Refuse(func(address string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "there is no " + address}
	})
	requests := s.Mail.Recipients()
	deliver(never).MustBe(t, http.StatusNoContent)
	s.Mail.Refuse(nil)
	deliver(never).MustBe(t, http.StatusNoContent)
	if n := s.Mail.Recipients() - requests; n != 1 || len(s.Mail.To(never.Email)) != 0 {
		t.Errorf("the mail server got %d requests, want 1", n)
	}
	if !logs.Contains("mail rejected permanently") || logs.Contains("canary-never") || logs.Contains("canary-later") {
		t.Error("the log lacks the rejection, or contains the address")
	}
}

// A mail to an unconfirmed address contains no text of the request, in any field of the
// registration but the address itself.
func TestRegistrationMailHasNoTextOfTheRequest(t *testing.T) {
	t.Parallel()
	s := open(t)
	const email = "stranger@example.com"
	body := object{}
	fields := reflect.TypeFor[registerInput]().Field(0).Type
	for field := range fields.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if body[name] = name + " canary: you won 5 BTC: evil.io"; name == "email" {
			body[name] = email
		}
	}
	if len(body) < 3 {
		t.Fatalf("the fields are %v", body)
	}
	s.mustToken(t, s.mustRequestAccount(t, body))
	mail := s.Mail.Only(t, email)
	for _, text := range []string{string(mail.Source), mail.Subject, mail.Text, mail.HTML} {
		for _, canary := range []string{"canary", "BTC", "evil"} {
			if strings.Contains(text, canary) {
				t.Errorf("%q is in\n%s", canary, text)
			}
		}
	}
}
