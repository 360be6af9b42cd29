package payment

import (
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// newReturn returns the event return-received of units of a product, with more members.
func (f *fixture) newReturn(t *testing.T, o order, returnID, product uuid.UUID, quantity int, more map[string]any) event.Event {
	t.Helper()
	payload := map[string]any{
		"orderId": o.id, "userId": o.owner.UserID, "returnId": returnID, "payment": "required", "refund": true, "refundShipping": false,
		"lines": []any{map[string]any{"productId": product, "name": "Tea", "quantity": quantity, "restock": true}},
	}
	maps.Copy(payload, more)
	if payload["payment"] == "" {
		delete(payload, "payment")
	}
	return functiontest.NewEvent(t, "return-received", payload)
}

func (f *fixture) mustReturn(t *testing.T, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		f.Deliver(t, "return-refund", e).MustBe(t, http.StatusNoContent)
	}
}

func TestReturnRefund(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("the units of a return are refunded once, and not restocked by the refund", func(t *testing.T) {
		t.Parallel()
		o := f.mustCapture(t)
		_, tea := f.mustDraft(t, o)
		id := uuid.Must(uuid.NewV7())
		e := f.newReturn(t, o, id, tea, 1, nil)
		f.mustReturn(t, e, e, f.newReturn(t, o, id, tea, 1, nil), f.newReturn(t, o, uuid.Must(uuid.NewV7()), tea, 1, map[string]any{"refund": false}))
		events := published[RefundedEvent](t, f, "payment-refunded", o)
		if len(events) != 1 || events[0].RefundID != id || events[0].Amount.Amount != 540 || len(events[0].Lines) != 1 || events[0].Lines[0] != (RefundedLine{ProductID: tea, Quantity: 1}) {
			t.Errorf("payment-refunded is %+v", events)
		}
		if p := f.mustGet(t, o); f.paymentOf(t, o).Refunded != 540 || len(p.Refunds) != 1 || p.Refunds[0].Reason != reasonReturned {
			t.Errorf("got %+v", p)
		}
	})

	t.Run("units, shipping and amounts that were refunded before are not refunded again", func(t *testing.T) {
		t.Parallel()
		o := f.mustCapture(t)
		pot, tea := f.mustDraft(t, o)
		f.mustRefund(t, o, map[string]any{"lines": []any{map[string]any{"productId": tea, "quantity": 2}}, "shipping": true})
		before := f.paymentOf(t, o).Refunded
		withShipping := map[string]any{"refundShipping": true}
		f.mustReturn(t, f.newReturn(t, o, uuid.Must(uuid.NewV7()), tea, 3, withShipping)) // one of them
		if got := f.paymentOf(t, o).Refunded - before; got != 540 && got != 539 {
			t.Errorf("refunded %d for the third unit", got)
		}
		f.mustReturn(t, f.newReturn(t, o, uuid.Must(uuid.NewV7()), tea, 3, withShipping))
		f.mustRefund(t, o, map[string]any{"amount": euros(3000)})
		f.mustReturn(t, f.newReturn(t, o, uuid.Must(uuid.NewV7()), pot, 1, nil), f.newReturn(t, o, uuid.Must(uuid.NewV7()), pot, 1, nil))
		if p := f.mustGet(t, o); p.Status != Refunded || f.paymentOf(t, o).Refunded != total || len(p.Refunds) != 4 {
			t.Errorf("got %+v", p)
		}
	})

	t.Run("a return is refunded after the capture, and not without one", func(t *testing.T) {
		t.Parallel()
		o := f.mustPay(t)
		_, tea := f.mustDraft(t, o)
		e := f.newReturn(t, o, uuid.Must(uuid.NewV7()), tea, 3, nil)
		f.Deliver(t, "return-refund", e).MustBe(t, http.StatusInternalServerError)
		f.deliver(t, "shipment-created", o).MustBe(t, http.StatusNoContent)
		f.mustReturn(t, e)
		if got := f.paymentOf(t, o).Refunded; got != 1619 {
			t.Errorf("refunded %d of the tea", got)
		}
		expired := f.mustPay(t)
		f.bank.change(f.paymentOf(t, expired).ID, func(p *provider.Payment) { p.State = provider.Expired })
		f.deliver(t, "order-shipped", expired).MustBe(t, http.StatusNoContent)
		f.mustReturn(t, f.newReturn(t, expired, uuid.Must(uuid.NewV7()), tea, 1, nil))
		f.mustReturn(t, f.newReturn(t, f.newOrder(t), uuid.Must(uuid.NewV7()), tea, 1, map[string]any{"payment": ""}))
	})

	t.Run("a refund that the provider refuses fails once", func(t *testing.T) {
		t.Parallel()
		own := open(t, nil)
		o := own.mustCapture(t)
		_, tea := own.mustDraft(t, o)
		own.bank.fail = failTimes("refund", false, 1, errInvalid)
		own.mustReturn(t, own.newReturn(t, o, uuid.Must(uuid.NewV7()), tea, 1, nil))
		own.mustReconcile(t, claimTimeout)
		if p := own.mustGet(t, o); len(p.Refunds) != 1 || p.Refunds[0].Status != RefundFailed || own.paymentOf(t, o).Refunded != 0 {
			t.Errorf("got %+v", p)
		}
		own.mustRefund(t, o, map[string]any{"lines": []any{map[string]any{"productId": tea, "quantity": 1}}})
	})
}

// TestReturnRefundRaces delivers the events of the same and of other returns of the same units, and
// requests refunds of them, at the same time: no unit is refunded twice.
func TestReturnRefundRaces(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	_, tea := f.mustDraft(t, o)
	id := uuid.Must(uuid.NewV7())
	e := f.newReturn(t, o, id, tea, 2, nil)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			switch i % 3 {
			case 0: // It fails while another request about the payment is in progress.
				f.Deliver(t, "return-refund", e)
			case 1:
				f.Deliver(t, "return-refund", f.newReturn(t, o, id, tea, 2, nil))
			default:
				f.refund(t, o, map[string]any{"lines": []any{map[string]any{"productId": tea, "quantity": 1}}})
			}
		})
	}
	all.Wait()
	f.mustReturn(t, e)
	f.mustReconcile(t, claimTimeout)
	// The three units of tea, by returns or refunds.
	if got := f.paymentOf(t, o).Refunded; got != 1619 {
		t.Errorf("refunded %d, want the 1619 of three units", got)
	}
	var units int64
	for _, refunded := range published[RefundedEvent](t, f, "payment-refunded", o) {
		for _, line := range refunded.Lines {
			units += line.Quantity
		}
	}
	if units != 3 {
		t.Errorf("%d units were refunded, want 3", units)
	}
}
