package user

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

// TestReturnMail requires a mail for each event about a return, to the account or the guest, but for
// a return that the customer has cancelled.
func TestReturnMail(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	tea := []object{{"productId": uuid.New(), "name": "Assam <250 g>", "quantity": 2, "restock": true}}
	for _, c := range []struct {
		eventType, payment string
		lines              []object
		refund             bool
		subject, text      string
		cancelledBy        string
	}{
		{"return-created", "required", tea, false, "Your return is registered", "Please send us these units.", ""},
		{"return-received", "required", tea, true, "Your return has arrived", "You get your money back for them.", ""},
		{"return-received", "required", tea, false, "Your return has arrived", "the units that you returned have arrived.\n", ""},
		{"return-received", "", tea, true, "Your return has arrived", "the units that you returned have arrived.\n", ""},
		{"return-received", "required", []object{}, false, "Your return is closed", "without accepting any units", ""},
		{"return-cancelled", "required", []object{}, false, "Your return is cancelled", "we have cancelled your return.", "shop"},
		{"return-cancelled", "required", []object{}, false, "", "", "customer"},
		{"return-cancelled", "required", []object{}, false, "", "", ""},
	} {
		for address, owner := range map[string]uuid.UUID{ada.Email: ada.ID, "guest@example.com": uuid.New()} {
			payload := object{
				"orderId": uuid.New(), "userId": owner, "returnId": uuid.New(), "lines": c.lines, "refund": c.refund, "refundShipping": false,
				"email": "guest@example.com", "name": "Win at evil.example",
			}
			if c.payment != "" {
				payload["payment"] = c.payment
			}
			if c.cancelledBy != "" {
				payload["cancelledBy"] = c.cancelledBy
			}
			before := len(s.Mail.To(address))
			e := functiontest.NewEvent(t, c.eventType, payload)
			for range 2 {
				s.Deliver(t, "return-mail", e).MustBe(t, http.StatusNoContent)
			}
			mails := s.Mail.To(address)
			if c.subject == "" {
				if len(mails) != before {
					t.Errorf("%s by %q is mailed: %s", c.eventType, c.cancelledBy, mails[len(mails)-1].Text)
				}
				continue
			}
			got := mails[len(mails)-1]
			if got.MessageID != e.ID.String()+"@souk.test" || got.Subject != c.subject || !strings.Contains(strings.ReplaceAll(got.Text, "\r", ""), c.text) || strings.Contains(got.Text, "evil") {
				t.Errorf("%s, payment %q, refund %t: got %s, %s", c.eventType, c.payment, c.refund, got.Subject, got.Text)
			}
			if len(c.lines) > 0 && !strings.Contains(got.Text, "2 × Assam <250 g>") {
				t.Errorf("the text lacks the units:\n%s", got.Text)
			}
			if hasToken := checkoutTokenPattern.MatchString(got.Text); hasToken != (owner != ada.ID) {
				t.Errorf("the mail to %s has a token: %t", address, hasToken)
			}
		}
	}
}
