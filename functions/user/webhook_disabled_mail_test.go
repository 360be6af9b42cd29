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

func newWebhookDisabledEvent(t *testing.T, endpoint uuid.UUID, reason string) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "webhook-disabled", object{
		"endpointId": endpoint, "url": "https://erp.example.com:8443/hooks/path-secret?token=query-secret", "reason": reason, "failingSince": "2026-11-24T15:36:15.5Z",
	})
}

// TestWebhookDisabledMail requires one mail to the shop for each event, however often it is delivered,
// with the host of the endpoint alone, and how to resume.
func TestWebhookDisabledMail(t *testing.T) {
	t.Parallel()
	const address = "hooks@shop.example"
	s := openWith(t, config.Environment{"USER_STOCK_MAIL": "stock@shop.example", "USER_WEBHOOK_MAIL": address})
	reasons := map[string]string{"failing": "every attempt has failed for 5 days", "gone": "410 Gone"}
	endpoints := map[string]uuid.UUID{}
	var all sync.WaitGroup
	for reason := range reasons {
		endpoints[reason] = uuid.New()
		e := newWebhookDisabledEvent(t, endpoints[reason], reason)
		for range 4 {
			all.Go(func() { s.Deliver(t, "webhook-disabled-mail", e).MustBe(t, http.StatusNoContent) })
		}
	}
	all.Wait()
	mails := s.Mail.To(address)
	if len(mails) != len(reasons) {
		t.Fatalf("%d mails, want %d", len(mails), len(reasons))
	}
	for reason, text := range reasons {
		found := false
		for _, mail := range mails {
			if !strings.Contains(mail.Text, endpoints[reason].String()) {
				continue
			}
			found = true
			for _, part := range []string{
				text, "24 November 2026 at 15:36 UTC", "PATCH /v1/webhooks/" + endpoints[reason].String() + ` with {"status": "enabled"}`,
				"POST /v1/webhooks/" + endpoints[reason].String() + "/resend", `{"from": "2026-11-21T15:36:15Z"}`,
			} {
				if !strings.Contains(mail.Text, part) {
					t.Errorf("%s: the mail lacks %q: %s", reason, part, mail.Text)
				}
			}
			if mail.Subject != "Webhook disabled: erp.example.com:8443" || strings.Contains(mail.Text+mail.HTML, "-secret") {
				t.Errorf("got %s, %s, %s", mail.Subject, mail.Text, mail.HTML)
			}
		}
		if !found {
			t.Errorf("no mail is about the endpoint with the reason %s", reason)
		}
	}
}

// TestStaffMailboxes checks to which address mails about low stock and disabled webhooks are sent.
func TestStaffMailboxes(t *testing.T) {
	t.Parallel()
	const stock, hooks = "stock@shop.example", "hooks@shop.example"
	for name, c := range map[string]struct {
		settings             config.Environment
		stockMail, hooksMail string // "" for no mail
	}{
		"without a mailbox, no mail is sent":               {nil, "", ""},
		"one mailbox gets both":                            {config.Environment{"USER_STOCK_MAIL": stock}, stock, stock},
		"each has its own mailbox":                         {config.Environment{"USER_STOCK_MAIL": stock, "USER_WEBHOOK_MAIL": hooks}, stock, hooks},
		"the mailbox for webhooks gets no stock of others": {config.Environment{"USER_WEBHOOK_MAIL": hooks}, "", hooks},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openWith(t, c.settings)
			want := map[string]int{}
			for function, to := range map[string]struct {
				address string
				event   event.Event
			}{
				"stock-low-mail":        {c.stockMail, newStockLowEvent(t)},
				"webhook-disabled-mail": {c.hooksMail, newWebhookDisabledEvent(t, uuid.New(), "failing")},
			} {
				for range 2 {
					s.Deliver(t, function, to.event).MustBe(t, http.StatusNoContent)
				}
				want[to.address]++
			}
			for _, address := range []string{stock, hooks} {
				if got := len(s.Mail.To(address)); got != want[address] {
					t.Errorf("%d mails to %s, want %d", got, address, want[address])
				}
			}
			if n := s.mustCount(t, `SELECT COUNT(*) FROM mail_delivery`); n != 0 {
				t.Errorf("%d deliveries remain", n)
			}
		})
	}
	for _, setting := range []string{"USER_STOCK_MAIL", "USER_WEBHOOK_MAIL"} {
		settings := staffMailboxes{Stock: stock, Webhook: hooks}
		if setting == "USER_STOCK_MAIL" {
			settings.Stock = "the warehouse"
		} else {
			settings.Webhook = "the ERP"
		}
		if _, err := settings.withDefaults(); err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("got %v, want an error about %s", err, setting)
		}
	}
}
