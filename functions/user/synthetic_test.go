package user

import (
	"net/http"
	"testing"

	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// TestSyntheticOrdersAreNotMailed delivers the events of the test customer's orders, and
// of another customer's.
func TestSyntheticOrdersAreNotMailed(t *testing.T) {
	t.Parallel()
	first := open(t)
	synthetic, other := first.mustRegister(t, "synthetic@example.com"), first.mustRegister(t, "other@example.com")
	s := openWith(t, config.Environment{"SYNTHETIC_CUSTOMER": synthetic.ID.String()}, functiontest.WithSameDatabase(first.Server))
	for eventType := range orderNotices {
		s.Deliver(t, "user-notify", newOrderEvent(t, eventType, synthetic.ID, "")).MustBe(t, http.StatusNoContent)
		s.Deliver(t, "user-notify", newOrderEvent(t, eventType, other.ID, "")).MustBe(t, http.StatusNoContent)
	}
	if n := len(s.Mail.To(synthetic.Email)); n != 0 {
		t.Errorf("%d mails to the test customer", n)
	}
	if n := len(s.Mail.To(other.Email)); n != len(orderNotices) {
		t.Errorf("%d mails to another customer, want %d", n, len(orderNotices))
	}
}
