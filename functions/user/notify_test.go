package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// newOrderEvent returns an event of the order service.
func newOrderEvent(t *testing.T, eventType string, userID uuid.UUID, reason string) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, eventType, object{
		"orderId": uuid.New(), "userId": userID, "reason": reason,
		"items": []object{{"productId": uuid.New(), "name": "Assam <250 g>", "quantity": 2, "lineTotal": object{"amount": 2598, "currency": "EUR"}}},
		"total": object{"amount": 2598, "currency": "EUR"},
	})
}

func TestNotify(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("one mail is sent for repeated and concurrent deliveries", func(t *testing.T) {
		t.Parallel()
		ada := s.mustRegister(t, "ada@example.com")
		e := newOrderEvent(t, "order-confirmed", ada.ID, "")
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent) })
		}
		all.Wait()
		for range 10 {
			s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent)
		}
		mails := s.Mail.To(ada.Email)
		if len(mails) != 2 { // the first is of the registration
			t.Fatalf("%d mails of one event, want 1", len(mails)-1)
		}
		got := mails[1]
		if got.MessageID != e.ID.String()+"@souk.test" || got.Subject != "Your order is confirmed" {
			t.Errorf("got %s, %s", got.MessageID, got.Subject)
		}
		for _, want := range []string{"Hello Ada Lovelace,", "2 × Assam <250 g>", "25.98 EUR"} {
			if !strings.Contains(got.Text, want) {
				t.Errorf("the text lacks %q:\n%s", want, got.Text)
			}
		}
		if !strings.Contains(got.HTML, "Assam &lt;250 g&gt;") || strings.Contains(got.HTML, "<250") {
			t.Errorf("the HTML is\n%s", got.HTML)
		}
	})

	t.Run("every event has a subject and the text of its reason", func(t *testing.T) {
		t.Parallel()
		bea := s.mustRegister(t, "bea@example.com")
		for eventType := range orderNotices {
			s.Deliver(t, "user-notify", newOrderEvent(t, eventType, bea.ID, "insufficient_stock")).MustBe(t, http.StatusNoContent)
		}
		mails := s.Mail.To(bea.Email)[1:]
		subjects := map[string]bool{}
		for _, mail := range mails {
			subjects[mail.Subject] = true
			if !strings.Contains(mail.Text, "There was not enough in stock.") {
				t.Errorf("got %s", mail.Text)
			}
		}
		if len(subjects) != 5 {
			t.Errorf("got %v", subjects)
		}
	})

	t.Run("no mail is sent for an order of a deleted account", func(t *testing.T) {
		t.Parallel()
		s.Deliver(t, "user-notify", newOrderEvent(t, "order-shipped", uuid.New(), "")).MustBe(t, http.StatusNoContent)
	})

	t.Run("an event of an older version without items is mailed", func(t *testing.T) {
		t.Parallel()
		cid := s.mustRegister(t, "cid@example.com")
		content, err := mustService(t, s).templates[orderTemplate].Render(orderData{orderNotice: orderNotices["order-shipped"], Name: cid.Name, OrderID: uuid.New()})
		if err != nil || strings.Contains(content.Text+content.HTML, "Total") {
			t.Errorf("got %v:\n%s", err, content.Text)
		}
	})
}

// mustService returns a service with its mail settings.
func mustService(t *testing.T, s server) *service {
	t.Helper()
	environment := s.Mail.Environment()
	environment["MAIL_TOKEN_KEY"] = tokenKey
	svc := &service{Runtime: &function.Runtime{Environment: environment}}
	if err := svc.loadMail(); err != nil {
		t.Fatal(err)
	}
	return svc
}

// The mail server fails first temporarily, then permanently.
func TestNotifyFailure(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	e := newOrderEvent(t, "order-delivered", ada.ID, "")
	s.Mail.Refuse(func(string) error { return &smtp.SMTPError{Code: 421, Message: "busy"} })
	s.Deliver(t, "user-notify", e).MustBe(t, http.StatusInternalServerError)
	s.Mail.Refuse(nil)
	s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent)
	if n := len(s.Mail.To(ada.Email)); n != 2 {
		t.Errorf("%d mails, want the registration's and one", n)
	}
	s.Mail.Refuse(func(string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "unknown recipient"}
	})
	s.Deliver(t, "user-notify", newOrderEvent(t, "order-shipped", ada.ID, "")).MustBe(t, http.StatusNoContent)
}
