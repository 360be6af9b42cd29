package user

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// newShipmentEvent returns an event about a shipment of some of the two units of an order.
func newShipmentEvent(t *testing.T, eventType string, account User, units int, complete bool) event.Event {
	t.Helper()
	var payload object
	if err := json.Unmarshal(newOrderEvent(t, eventType, account.ID, "").Payload, &payload); err != nil {
		t.Fatal(err)
	}
	payload["shipment"] = object{
		"carrier": "Parcel & Co", "trackingNumber": "A-1", "trackingUrl": "https://carrier.example/track?id=A-1&lang=en", "complete": complete,
		"shipmentId": uuid.New(),
		"lines":      []object{{"productId": uuid.New(), "name": "Assam <250 g>", "quantity": units}},
	}
	return functiontest.NewEvent(t, eventType, payload)
}

// TestNotifyClosedByRefund requires that an order whose rest was refunded is not mailed as shipped.
func TestNotifyClosedByRefund(t *testing.T) {
	t.Parallel()
	s := open(t)
	buyer := s.mustRegister(t, "buyer@example.com")
	e := newShipmentEvent(t, orderShipped, buyer, 1, true)
	var payload object
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	payload["reason"] = "units_withdrawn"
	s.Deliver(t, "user-notify", functiontest.NewEvent(t, orderShipped, payload)).MustBe(t, http.StatusNoContent)
	if mails := s.Mail.To(buyer.Email)[1:]; len(mails) != 0 {
		t.Errorf("the customer is mailed %q", mails[0].Subject)
	}
}

// TestNotifyShipments requires one mail for each shipment, with its units and where it is.
func TestNotifyShipments(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, c := range []struct {
		eventType string
		units     int
		complete  bool
		subject   string // none: no mail
		hasTotal  bool
	}{
		{shipmentCreated, 1, false, "A part of your order is on its way", false},
		{shipmentCreated, 1, true, "", false},
		{orderShipped, 1, true, "The rest of your order is on its way", false},
		{orderShipped, 2, true, "Your order is on its way", true},
	} {
		buyer := s.mustRegister(t, "buyer"+string(rune('a'+i))+"@example.com")
		s.Deliver(t, "user-notify", newShipmentEvent(t, c.eventType, buyer, c.units, c.complete)).MustBe(t, http.StatusNoContent)
		mails := s.Mail.To(buyer.Email)[1:]
		if c.subject == "" {
			if len(mails) != 0 {
				t.Errorf("%s with everything is mailed, as order-shipped is: %s", c.eventType, mails[0].Text)
			}
			continue
		}
		if len(mails) != 1 || mails[0].Subject != c.subject {
			t.Fatalf("%s of %d units is mailed by %+v", c.eventType, c.units, mails)
		}
		for _, want := range []string{"Parcel & Co", "A-1", "https://carrier.example/track?id=A-1&lang=en", "× Assam <250 g>"} {
			if !strings.Contains(mails[0].Text, want) {
				t.Errorf("the text lacks %q:\n%s", want, mails[0].Text)
			}
		}
		if !strings.Contains(mails[0].HTML, `href="https://carrier.example/track?id=A-1&amp;lang=en"`) || !strings.Contains(mails[0].HTML, "by Parcel &amp; Co") {
			t.Errorf("the HTML is\n%s", mails[0].HTML)
		}
		if got := strings.Contains(mails[0].Text, "Total"); got != c.hasTotal {
			t.Errorf("the mail of %d units has a total: %t\n%s", c.units, got, mails[0].Text)
		}
	}
}
