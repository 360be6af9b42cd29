package user

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/event"
	"souk/shared/function/functiontest"
	"souk/shared/mail/catch"
)

// deliverAndFail delivers an event while the mail server rejects all mails.
func (s server) deliverAndFail(t *testing.T, function string, e event.Event) {
	t.Helper()
	s.Mail.Refuse(func(string) error { return &smtp.SMTPError{Code: 451, Message: "later"} })
	s.Deliver(t, function, e).MustBe(t, http.StatusInternalServerError)
	s.Mail.Refuse(nil)
}

// Every delivery of an event mails the same token, so that both of two mails are valid.
func TestRedeliveryMailsTheSameToken(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.mustRegister(t, "owner@example.com")
	s.post(t, "/v1/password-resets", object{"email": owner.Email}).MustBe(t, http.StatusAccepted)
	r := s.mustRequestAccount(t, fixtures.Registration("new@example.com"))
	for _, test := range []struct {
		function, email string
		event           event.Event
		use             func(token string) functiontest.Response
		status          int
	}{
		{
			"registration-mail", r.Email, s.mustEvent(t, "registration-requested", r.ID),
			func(token string) functiontest.Response { return s.confirm(t, token) }, http.StatusOK,
		},
		{
			"password-reset-mail", owner.Email, s.Published.Events("password-reset-requested")[0],
			func(token string) functiontest.Response { return s.reset(t, token, fixtures.NewPassword) }, http.StatusNoContent,
		},
	} {
		before := len(s.Mail.To(test.email))
		s.deliverAndFail(t, test.function, test.event)
		s.Deliver(t, test.function, test.event).MustBe(t, http.StatusNoContent)
		// Simulate a process that died after the mail server accepted the mail.
		s.mustExec(t, `DELETE FROM inbox WHERE consumer = ? AND event_id = ?`, test.function, test.event.ID[:])
		s.mustExec(t, `INSERT INTO mail_delivery (consumer, event_id, attempts, claimed_until) VALUES (?, ?, 1, ?)`,
			test.function, test.event.ID[:], time.Now().UTC().Add(-time.Second))
		s.Deliver(t, test.function, test.event).MustBe(t, http.StatusNoContent)
		mails := s.Mail.To(test.email)[before:]
		if len(mails) != 2 || mails[0].MessageID != mails[1].MessageID || mails[0].Text != mails[1].Text {
			t.Fatalf("%d mails of %s, want two equal ones:\n%s", len(mails), test.function, mails[len(mails)-1].Text)
		}
		test.use(tokenIn(t, mails[0].Text)).MustBe(t, test.status)
	}
	for _, table := range []string{"mail_delivery", "email_confirmation", "password_reset"} {
		if n := s.mustCount(t, `SELECT COUNT(*) FROM `+table); n != 0 {
			t.Errorf("%d rows of %s remain", n, table)
		}
	}
}

// A token depends on the key, the kind of mail and the event.
func TestTokensDependOnKeyKindAndEvent(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	distinct := map[string]bool{}
	for _, key := range []string{tokenKey, tokenKey + "2"} {
		s := &service{tokenKey: []byte(key)}
		for _, kind := range []string{registrationTemplate, passwordResetTemplate} {
			for _, event := range []uuid.UUID{id, uuid.New()} {
				token, hash := s.deriveToken(kind, event)
				if again, _ := s.deriveToken(kind, event); again != token || hash != hashSecret(token) || len(token) != 43 {
					t.Errorf("got %s, then %s", token, again)
				}
				distinct[token] = true
			}
		}
	}
	if len(distinct) != 8 {
		t.Errorf("%d tokens are distinct, want 8", len(distinct))
	}
}

// Redeliveries spend no quota, so that the address gets its mail however often the mail
// server fails.
func TestRedeliverySpendsNoQuota(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.mustRequestAccount(t, fixtures.Registration("retried@example.com"))
	for range registrationQuota.burst + 1 {
		s.deliverAndFail(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID))
	}
	s.mustToken(t, r)
}

// While the mail server hangs, the service uses no connection to the database. Other
// deliveries of the event wait, and then find that the mail was sent.
func TestHangingMailServerUsesNoConnection(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	e := newOrderEvent(t, "order-confirmed", ada.ID, "")
	hanging, resume := make(chan struct{}), make(chan struct{})
	s.Mail.OnMessage(func(catch.Letter) error {
		close(hanging)
		<-resume
		return nil
	})
	var all sync.WaitGroup
	deliver := func() { s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent) }
	all.Go(deliver)
	<-hanging
	if n := s.DB.SQL().Stats().InUse; n != 0 {
		t.Errorf("%d connections are in use while the mail server hangs", n)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id IN (
		SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID())`); n != 0 {
		t.Errorf("%d transactions are open while the mail server hangs", n)
	}
	all.Go(deliver)
	all.Go(deliver)
	close(resume)
	all.Wait()
	if n := len(s.Mail.To(ada.Email)); n != 2 {
		t.Errorf("%d mails, want the registration's and one", n)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM mail_delivery`); n != 0 {
		t.Errorf("%d deliveries remain", n)
	}
}

// A process reuses its connection for mails that are sent one after another.
func TestMailsShareAConnection(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	for range 5 {
		s.Deliver(t, "user-notify", newOrderEvent(t, "order-shipped", ada.ID, "")).MustBe(t, http.StatusNoContent)
	}
	if mails, connections := len(s.Mail.To(ada.Email)), s.Mail.Connections(); mails != 6 || connections != 1 {
		t.Errorf("%d mails were sent over %d connections, want 6 over 1", mails, connections)
	}
}

func TestFunctionsRequireTokenKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", strings.Repeat("k", minTokenKey-1)} {
		svc := mustService(t, open(t))
		svc.Environment["MAIL_TOKEN_KEY"] = key
		if err := svc.loadMail(); err == nil || !strings.Contains(err.Error(), "MAIL_TOKEN_KEY") {
			t.Errorf("with a key of %d bytes: %v", len(key), err)
		}
	}
}

// The events contain only ids of rows, and no tokens.
func TestEventsOfMailsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	for _, payload := range []any{registrationRequested{}, passwordResetRequested{}, passwordChanged{}} {
		text, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]uuid.UUID
		if err := json.Unmarshal(text, &members); err != nil || len(members) != 1 {
			t.Errorf("%T is %s", payload, text)
		}
	}
}
