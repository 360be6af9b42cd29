package payment

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

// TestGuestRetention checks that the payment of a guest's order and the copy of the order lose their
// personal data after GUEST_RETENTION, and that invoices, accounts and adopted orders do not.
func TestGuestRetention(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	guest, adopted := f.mustCapture(t), f.mustCapture(t)
	for _, o := range []order{guest, adopted} {
		f.mustDraft(t, o)
		f.mustRefund(t, o, map[string]any{"amount": euros(100), "reason": "Ada called"})
	}
	account := uuid.New()
	f.Deliver(t, "payment-adopt", functiontest.NewEvent(t, "order-adopted", map[string]any{"orderId": adopted.id, "userId": account, "payment": paymentRequired})).
		MustBe(t, http.StatusNoContent)
	traces := func(t *testing.T, o order) int {
		t.Helper()
		var n int
		err := f.DB.QueryRowContext(t.Context(), `
			SELECT (SELECT COUNT(*) FROM refund WHERE order_id = ? AND reason <> '') + (SELECT COUNT(*) FROM payment WHERE order_id = ? AND user_id <> ?) +
				(SELECT COUNT(*) FROM order_copy WHERE order_id = ? AND (user_id <> ? OR email IS NOT NULL OR name IS NOT NULL
					OR billing_address IS NOT NULL OR shipping_address IS NOT NULL))`,
			o.id[:], o.id[:], anonymousUser[:], o.id[:], anonymousUser[:]).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, test := range []struct {
		after     time.Duration
		remaining int
	}{{3*365*24*time.Hour - 10*time.Minute, 3}, {20 * time.Minute, 0}} {
		_, err := f.DB.ExecContext(t.Context(), `UPDATE order_copy SET guest_until = TIMESTAMPADD(SECOND, ?, guest_until)`, -int64(test.after.Seconds()))
		if err != nil {
			t.Fatal(err)
		}
		f.mustRun(t, "payment-outbox")
		if got := traces(t, guest); got != test.remaining {
			t.Errorf("%d of 3 rows of the guest have personal data, want %d", got, test.remaining)
		}
		if got := traces(t, adopted); got != 3 {
			t.Errorf("%d of 3 rows of an account have its data", got)
		}
	}
	f.get(t, guest.token, guest).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
}
