package payment

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function/functiontest"
)

func TestInvoiceDraft(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.newOrder(t)
	payload, _, _ := placedPayload(t, o)
	at := f.now()
	placed := newEventAt(t, "order-placed", payload, at)
	again := newEventAt(t, "order-placed", payload, at)
	for _, e := range []string{"first", "again"} {
		if e == "again" {
			placed = again
		}
		f.Deliver(t, "invoice-draft", placed).MustBe(t, http.StatusNoContent)
		got, err := selectOrderCopy(t.Context(), f.DB, o.id)
		if err != nil {
			t.Fatal(err)
		}
		got.Payment = payload.Payment // is not stored
		if diff := cmp.Diff(payload, got.orderPlaced); diff != "" || !got.placedAt.Equal(placed.Time) {
			t.Errorf("%s: placed at %v (-want +got):\n%s", e, got.placedAt, diff)
		}
	}
	for status, payload := range map[int]map[string]any{
		http.StatusInternalServerError: {"orderId": uuid.Nil, "userId": o.owner.UserID, "items": []any{}, "total": euros(1), "payment": paymentRequired},
		http.StatusNoContent:           {"orderId": uuid.New(), "userId": o.owner.UserID, "items": []any{}, "total": euros(1)}, // is not to be paid
	} {
		f.DeliverUnchecked(t, "invoice-draft", functiontest.NewEvent(t, "order-placed", payload)).MustBe(t, status)
	}
	if n, err := database.Get(t.Context(), f.DB, database.ScanColumn[int], `SELECT COUNT(*) FROM order_copy`); err != nil || n != 1 {
		t.Errorf("%d copies, error %v", n, err)
	}
}
