package payment

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function/functiontest"
)

func TestAnonymize(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	paid, other := f.mustCapture(t), f.mustCapture(t)
	unpaid := order{id: f.newOrder(t).id, owner: paid.owner, token: paid.token}
	f.deliver(t, "stock-reserved", unpaid).MustBe(t, http.StatusNoContent)
	for _, o := range []order{paid, other, unpaid} {
		f.mustDraft(t, o)
	}
	for _, o := range []order{paid, other} {
		f.mustRefund(t, o, map[string]any{"amount": euros(100), "reason": "Ada called"})
	}
	deleted := functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": paid.owner.UserID})
	f.Deliver(t, "payment-anonymize", deleted).MustBe(t, http.StatusNoContent)

	f.refund(t, paid, map[string]any{"amount": euros(100), "reason": "Ada called again"}).MustBe(t, http.StatusCreated)
	for _, o := range []order{paid, unpaid} {
		f.get(t, o.token, o).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
	}
	if p := f.mustGet(t, other); p.Refunds[0].Reason != "Ada called" {
		t.Errorf("another customer's payment is %+v", p)
	}
	err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		a, err := lockAccount(ctx, tx, paid.id)
		if err != nil {
			return err
		}
		for _, r := range a.refundsInOrder() {
			if a.userID != uuid.Nil || r.reason != "" {
				t.Errorf("of the payment remain %s, %q", a.userID, r.reason)
			}
		}
		for o, email := range map[order]string{paid: paid.id.String() + "@example.com", unpaid: ""} {
			stored, err := selectOrderCopy(ctx, tx, o.id)
			if err != nil {
				return err
			}
			if stored.UserID != uuid.Nil || stored.Email != email {
				t.Errorf("of the order's copy remain %s, %q; want the address of an invoice only", stored.UserID, stored.Email)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	f.Deliver(t, "payment-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": uuid.Nil})).MustBe(t, http.StatusInternalServerError)

	// The cancellation of an open order has no customer anymore.
	open := f.mustOpen(t)
	e := f.newEvent(t, "order-cancelled", order{id: open.id})
	f.Deliver(t, "payment-void", e).MustBe(t, http.StatusNoContent)
	f.get(t, open.token, open).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
}
