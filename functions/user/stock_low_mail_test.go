package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

func newStockLowEvent(t *testing.T) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "stock-low", object{
		"productId": uuid.New(), "sku": "TEA-ASSAM-250", "name": "Assam <250 g>", "available": 4, "lowStockAt": 5,
	})
}

// TestStockLowMail requires one mail to the shop for each event, however often it is delivered.
func TestStockLowMail(t *testing.T) {
	t.Parallel()
	const address = "stock@shop.example"
	s := openWith(t, config.Environment{"USER_STOCK_MAIL": address})
	events := []event.Event{newStockLowEvent(t), newStockLowEvent(t)}
	var all sync.WaitGroup
	for range 4 {
		for _, e := range events {
			all.Go(func() { s.Deliver(t, "stock-low-mail", e).MustBe(t, http.StatusNoContent) })
		}
	}
	all.Wait()
	mails := s.Mail.To(address)
	if len(mails) != len(events) {
		t.Fatalf("%d mails, want %d", len(mails), len(events))
	}
	for _, mail := range mails {
		if mail.Subject != "Low stock: Assam <250 g>" || !strings.Contains(mail.Text, "Assam <250 g> (TEA-ASSAM-250) is low: 4 available, threshold 5.") {
			t.Errorf("got %s, %s", mail.Subject, mail.Text)
		}
	}
}

func TestStockLowMailWithoutMailbox(t *testing.T) {
	t.Parallel()
	s := open(t)
	for range 2 {
		s.Deliver(t, "stock-low-mail", newStockLowEvent(t)).MustBe(t, http.StatusNoContent)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM mail_delivery`); n != 0 {
		t.Errorf("%d deliveries remain", n)
	}
}
