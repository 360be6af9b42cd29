package user

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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

// checkoutTokenPattern matches a token of a checkout.
var checkoutTokenPattern = regexp.MustCompile(`souk_checkout_1_[A-Za-z0-9_-]+`)

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
		if len(subjects) != 6 {
			t.Errorf("got %v", subjects)
		}
	})

	t.Run("the mails of orders that must be paid are about the payment", func(t *testing.T) {
		t.Parallel()
		dan := s.mustRegister(t, "dan@example.com")
		for _, c := range []struct{ eventType, reason, text string }{
			{"order-confirmed", "", "your payment was successful"},
			{"order-cancelled", "by_customer", "If you have paid, you get your money back."},
			{"order-cancelled", "unpaid", "It was not paid in time."},
			{"order-cancelled", "payment_failed", "The payment was not successful."},
			{"order-shipped", "", "your order has been shipped"},
		} {
			e := newOrderEvent(t, c.eventType, dan.ID, c.reason)
			e.Payload = []byte(strings.Replace(string(e.Payload), `"items"`, `"payment":"required","items"`, 1))
			s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent)
			mails := s.Mail.To(dan.Email)
			if got := mails[len(mails)-1]; got.MessageID != e.ID.String()+"@souk.test" || !strings.Contains(got.Text, c.text) {
				t.Errorf("%s, %q: got %s, %s", c.eventType, c.reason, got.MessageID, got.Text)
			}
		}
	})

	t.Run("the mail of a guest's order has a token for it, and no text of the guest", func(t *testing.T) {
		t.Parallel()
		checkout := uuid.New()
		e := newOrderEvent(t, "order-cancelled", checkout, "buy at evil.example")
		e.Payload = []byte(strings.Replace(string(e.Payload), `"items"`, `"email":"guest@example.com","name":"Win at evil.example","items"`, 1))
		for range 2 {
			s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent)
		}
		mails := s.Mail.To("guest@example.com")
		if len(mails) != 1 || !strings.Contains(mails[0].Text, "Hello,") || strings.Contains(mails[0].Text+mails[0].HTML+fmt.Sprint(mails[0].Header), "evil") {
			t.Fatalf("got %+v", mails)
		}
		token := checkoutTokenPattern.FindString(mails[0].Text)
		if p, err := s.Tokens.Checkouts.Verify(token, e.Time.Add(guestTokenTTL-time.Second)); err != nil || p.UserID != checkout {
			t.Errorf("the token %q in the mail is of %v, %v", token, p, err)
		}
		if _, err := s.Tokens.Checkouts.Verify(token, e.Time.Add(guestTokenTTL)); err == nil {
			t.Error("the token does not expire")
		}
		if !strings.Contains(mails[0].HTML, token) {
			t.Errorf("the HTML lacks the token:\n%s", mails[0].HTML)
		}
	})

	t.Run("orders of guests flood no address", func(t *testing.T) {
		t.Parallel()
		deliver := func(eventType, payment, email string) {
			e := newOrderEvent(t, eventType, uuid.New(), "")
			e.Payload = []byte(strings.Replace(string(e.Payload), `"items"`, `"payment":"`+payment+`","email":"`+email+`","items"`, 1))
			for range 2 {
				s.DeliverUnchecked(t, "user-notify", e).MustBe(t, http.StatusNoContent)
			}
		}
		for eventType := range orderNotices {
			for _, payment := range []string{"", paymentRequired} {
				address := eventType + payment + "@example.com"
				for range guestOrderQuota.burst + 3 {
					deliver(eventType, payment, strings.ToUpper(address[:1])+address[1:])
				}
				want := guestOrderQuota.burst
				if eventType == shipmentCreated || eventType == orderShipped || eventType == "order-delivered" || eventType == "order-confirmed" && payment != "" {
					want += 3
				}
				if n := len(s.Mail.To(strings.ToUpper(address[:1]) + address[1:])); n != want {
					t.Errorf("%d mails about %s with payment %q, want %d", n, eventType, payment, want)
				}
			}
		}
	})

	t.Run("the mail about a customer's order with an address of its own goes to the account", func(t *testing.T) {
		t.Parallel()
		eve := s.mustRegister(t, "eve@example.com")
		e := newOrderEvent(t, "order-confirmed", eve.ID, "")
		e.Payload = []byte(strings.Replace(string(e.Payload), `"items"`, `"email":"elsewhere@example.com","items"`, 1))
		s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent)
		if elsewhere, own := s.Mail.To("elsewhere@example.com"), s.Mail.To(eve.Email); len(elsewhere) != 0 || len(own) != 2 || checkoutTokenPattern.MatchString(own[1].Text) {
			t.Errorf("got %+v and %+v", elsewhere, own)
		}
	})

	t.Run("no mail is sent for an order of a deleted account", func(t *testing.T) {
		t.Parallel()
		s.Deliver(t, "user-notify", newOrderEvent(t, "order-shipped", uuid.New(), "")).MustBe(t, http.StatusNoContent)
	})

	t.Run("an event of an older version without items is mailed", func(t *testing.T) {
		t.Parallel()
		cid := s.mustRegister(t, "cid@example.com")
		content, err := mustService(t, s).mailer.Render(outgoingMail{Kind: orderTemplate, Data: orderData{orderNotice: orderNotices["order-shipped"], Name: cid.Name, OrderID: uuid.New()}})
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
// TestNotifyCharges checks that what a mail shows between the items and the total adds up.
func TestNotifyCharges(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	euros := func(cents int) object { return object{"amount": cents, "currency": "EUR"} }
	charges := object{"discount": euros(1000), "shipping": euros(490), "tax": euros(714)}
	for included, want := range map[bool]string{
		true:  "Discount    −10.00 EUR\n  Shipping    4.90 EUR\n\n  Total    25.98 EUR\n  Includes tax of    7.14 EUR",
		false: "Discount    −10.00 EUR\n  Shipping    4.90 EUR\n  Tax    7.14 EUR\n\n  Total    25.98 EUR",
	} {
		e := newOrderEvent(t, "order-confirmed", ada.ID, "")
		var payload object
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		maps.Copy(payload, charges)
		payload["taxIncluded"] = included
		s.Deliver(t, "user-notify", functiontest.NewEvent(t, "order-confirmed", payload)).MustBe(t, http.StatusNoContent)
		mails := s.Mail.To(ada.Email)
		got := mails[len(mails)-1]
		if text := strings.ReplaceAll(got.Text, "\r", ""); !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
		if !strings.Contains(got.HTML, "−10.00 EUR") || strings.Contains(got.HTML, "Includes tax of") != included {
			t.Errorf("the HTML is\n%s", got.HTML)
		}
	}
}

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
