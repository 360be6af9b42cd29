package payment

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// TestAdopt requires that a guest's payment and documents become those of the account that adopts
// the order, and that the guest's token reaches them no more.
func TestAdopt(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	guest := uuid.New()
	o := order{id: uuid.Must(uuid.NewV7()), owner: auth.Principal{UserID: guest, Role: auth.Guest}, token: f.Tokens.Checkout(t, guest)}
	f.deliver(t, "stock-reserved", o).MustBe(t, http.StatusNoContent)
	id := f.paymentOf(t, o).ID
	f.bank.pay(id)
	f.mustCall(t, uuid.NewString(), "payment_intent.changed", id)
	f.deliver(t, "order-shipped", o).MustBe(t, http.StatusNoContent)
	f.mustDraft(t, o)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	document := f.mustListInvoices(t, o)[0]
	f.getInvoice(t, o.token, document.ID, pdfType).MustBe(t, http.StatusOK)

	account, token := f.Tokens.Customer(t)
	f.getInvoice(t, token, document.ID, pdfType).MustBe(t, http.StatusNotFound)
	f.adopt(t, o, account.UserID).MustBe(t, http.StatusNoContent)
	f.getInvoice(t, token, document.ID, pdfType).MustBe(t, http.StatusOK)
	f.invoices(t, token, o).MustBe(t, http.StatusOK)
	f.get(t, token, o).MustBe(t, http.StatusOK)
	f.getInvoice(t, o.token, document.ID, "").MustBe(t, http.StatusNotFound)
	f.invoices(t, o.token, o).MustBe(t, http.StatusNotFound)
	f.Deliver(t, "payment-adopt", functiontest.NewEvent(t, "order-adopted", map[string]any{"orderId": o.id, "userId": uuid.Nil})).MustBe(t, http.StatusInternalServerError)
}

// adopt delivers that an order was adopted by an account.
func (f *fixture) adopt(t *testing.T, o order, account uuid.UUID) functiontest.Response {
	t.Helper()
	e := functiontest.NewEvent(t, "order-adopted", map[string]any{"orderId": o.id, "userId": account, "payment": paymentRequired})
	return f.DeliverUnchecked(t, "payment-adopt", e)
}

// TestAdoptOvertakes requires that the payment of an adopted order is the account's if the adoption
// is delivered before the events of the order, which have the guest as the customer.
func TestAdoptOvertakes(t *testing.T) {
	t.Parallel()
	for _, eventType := range []string{"stock-reserved", "order-cancelled"} {
		for _, copyFirst := range []bool{true, false} {
			f := open(t, nil)
			o := f.newOrder(t)
			account, token := f.Tokens.Customer(t)
			f.adopt(t, o, account.UserID).MustBe(t, http.StatusInternalServerError)
			if copyFirst {
				f.mustDraft(t, o)
				f.adopt(t, o, account.UserID).MustBe(t, http.StatusNoContent)
				f.deliver(t, eventType, o).MustBe(t, http.StatusNoContent)
			} else {
				f.deliver(t, eventType, o).MustBe(t, http.StatusNoContent)
				f.adopt(t, o, account.UserID).MustBe(t, http.StatusInternalServerError)
				f.mustDraft(t, o)
				f.adopt(t, o, account.UserID).MustBe(t, http.StatusNoContent)
			}
			f.get(t, token, o).MustBe(t, http.StatusOK)
			f.get(t, o.token, o).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
		}
	}
	t.Run("the copy of an old order was deleted", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.newOrder(t)
		clear(o.id[:6]) // its time, in milliseconds since 1970
		f.adopt(t, o, uuid.New()).MustBe(t, http.StatusNoContent)
	})
}
