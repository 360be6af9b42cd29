package payment

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/address"
	"souk/shared/batch/batchtest"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/money"
	"souk/shared/pricing"
)

// placedPayload returns the payload of order-placed for a pot, three packets of tea and shipping,
// of 54.27 EUR.
func placedPayload(t *testing.T, o order) (payload orderPlaced, pot, tea uuid.UUID) {
	t.Helper()
	pot, tea = uuid.New(), uuid.New()
	quote, err := pricing.NewQuote(pricing.Cart{
		Currency: "EUR", Destination: pricing.Destination{Country: "DE"}, ShippingMethod: "standard", Codes: []string{"WELCOME"},
		Lines: []pricing.CartLine{{ID: pot.String(), UnitPrice: 3990, Quantity: 1}, {ID: tea.String(), UnitPrice: 649, Quantity: 3, TaxClass: "food"}},
	}, pricing.Settings{
		Currency: "EUR", PricesIncludeTax: true,
		TaxRates:  []pricing.TaxRate{{Country: "DE", Rate: 19 * pricing.Percent}, {Country: "DE", Class: "food", Rate: 7 * pricing.Percent}},
		Zones:     []pricing.Zone{{Areas: []pricing.Area{{}}, Methods: []pricing.Method{{ID: "standard", Name: "Parcel", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 490}}}}}},
		Discounts: []pricing.Discount{{ID: "d1", Name: "Welcome", Code: "WELCOME", Kind: pricing.AmountOff, Amount: 1000}},
	})
	if err != nil || quote.Total != total {
		t.Fatalf("the total is %d, error %v", quote.Total, err)
	}
	eur := func(amount int64) money.Money { return money.Money{Amount: amount, Currency: "EUR"} }
	return orderPlaced{
		OrderID: o.id, UserID: o.owner.UserID, Total: eur(total), Quote: &quote, Email: o.id.String() + "@example.com", Name: "Amira Haddad", Payment: paymentRequired,
		Items: []orderItem{
			{ProductID: pot, Name: "Teapot", Quantity: 1, UnitPrice: eur(3990)},
			{ProductID: tea, Name: "Assam, 250 g", Quantity: 3, UnitPrice: eur(649)},
		},
		BillingAddress: &address.PostalAddress{Name: "Amira Haddad", Line1: "12 Market Street", PostalCode: "10115", City: "Berlin", Country: "DE"},
	}, pot, tea
}

// mustDraft delivers order-placed to invoice-draft.
func (f *fixture) mustDraft(t *testing.T, o order) (pot, tea uuid.UUID) {
	t.Helper()
	payload, pot, tea := placedPayload(t, o)
	f.Deliver(t, "invoice-draft", newEventAt(t, "order-placed", payload, f.now())).MustBe(t, http.StatusNoContent)
	return pot, tea
}

// newEventAt returns a new event whose payload has no null members.
func newEventAt(t *testing.T, eventType string, payload any, at time.Time) event.Event {
	t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(members, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	e := functiontest.NewEvent(t, eventType, members)
	e.Time = at
	return e
}

// issueAll delivers what was published about an order to the functions that issue documents, in the order of
// the topics.
func (f *fixture) issueAll(t *testing.T, o order, topics ...string) (last functiontest.Response) {
	t.Helper()
	for _, topic := range topics {
		for _, e := range f.Published.Events(topic) {
			if e.AggregateID == o.id {
				last = f.Deliver(t, map[string]string{"payment-captured": "invoice-issue", "payment-refunded": "credit-note-issue"}[topic], e)
			}
		}
	}
	return last
}

func TestInvoiceIssue(t *testing.T) {
	t.Parallel()

	t.Run("the capture is invoiced once, and each refund credited once", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustCapture(t)
		_, tea := f.mustDraft(t, o)
		for range 2 {
			f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
		}
		r := f.mustRefund(t, o, map[string]any{"lines": []any{map[string]any{"productId": tea, "quantity": 1}}, "shipping": true})
		f.mustRefund(t, o, map[string]any{"amount": euros(1000)})
		for range 2 {
			f.issueAll(t, o, "payment-captured", "payment-refunded").MustBe(t, http.StatusNoContent)
		}
		documents := f.mustListInvoices(t, o)
		if len(documents) != 3 || documents[0].Kind != invoice.Invoice || documents[1].Kind != invoice.CreditNote || documents[2].Kind != invoice.CreditNote {
			t.Fatalf("the documents are %+v", documents)
		}
		first, credit, byAmount := documents[0], documents[1], documents[2]
		if first.Total.Amount != total || first.Tax.Amount != 714 || len(first.Lines) != 3 || first.Lines[1].Description != "Assam, 250 g" ||
			first.Buyer.Name != "Amira Haddad" || first.Seller.Name != "Souk" || first.Payment.Reference != f.paymentOf(t, o).ID {
			t.Errorf("the invoice is %+v", first)
		}
		if credit.Corrects == nil || credit.Corrects.Number != first.Number || credit.Total.Amount != 540+490 || credit.Payment.Reference != r.ID.String() ||
			credit.Buyer.Address == nil || byAmount.Total.Amount != 1000 || len(byAmount.Lines) != 2 { // the shipping was refunded
			t.Errorf("the credit notes are %+v and %+v", credit, byAmount)
		}
		events := 0
		for _, e := range f.Published.Events("invoice-issued") {
			for _, d := range documents {
				if e.AggregateID == d.ID {
					events++
				}
			}
		}
		if events != 3 {
			t.Errorf("invoice-issued was published %d times, want 3", events)
		}
	})

	t.Run("events that arrive too early are delivered again", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustCapture(t)
		f.mustRefund(t, o, map[string]any{"amount": euros(27)})
		f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusInternalServerError) // before the order
		f.mustDraft(t, o)
		f.issueAll(t, o, "payment-refunded").MustBe(t, http.StatusInternalServerError) // before the invoice
		f.issueAll(t, o, "payment-captured", "payment-refunded").MustBe(t, http.StatusNoContent)
		if n := len(f.mustListInvoices(t, o)); n != 2 {
			t.Errorf("%d documents, want 2", n)
		}
	})

	t.Run("an order without a quote is invoiced without tax", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustCapture(t)
		payload, _, _ := placedPayload(t, o)
		payload.Quote = nil
		f.Deliver(t, "invoice-draft", newEventAt(t, "order-placed", payload, f.now())).MustBe(t, http.StatusNoContent)
		f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
		if d := f.mustListInvoices(t, o); len(d) != 1 || d[0].Tax.Amount != 0 || d[0].Total.Amount != total || len(d[0].Lines) != 2 {
			t.Errorf("the documents are %+v", d)
		}
	})
}

// TestInvoicesInBatches checks that documents are issued in batches as one by one, in every order
// of arrival: new events and repeated ones.
func TestInvoicesInBatches(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	orders := []order{f.mustCapture(t), f.mustCapture(t), f.mustCapture(t)}
	for _, o := range orders {
		f.mustDraft(t, o)
	}
	f.issueAll(t, orders[2], "payment-captured").MustBe(t, http.StatusNoContent)
	at := f.now()
	newMessages := func() (messages []function.Message[paymentCaptured]) {
		for _, o := range append(orders, orders[0]) {
			messages = append(messages, function.Message[paymentCaptured]{
				Event: event.Event{ID: uuid.New(), Time: at}, Payload: paymentCaptured{OrderID: o.id, Amount: money.Money{Amount: total, Currency: "EUR"}}, Context: t.Context(),
			})
		}
		return messages
	}
	batchtest.CheckEquivalent(t, f.DB, newMessages, f.service.invoiceIssue, documentsState[paymentCaptured])
}

// documentsState returns the documents, their numbers, and the copies of orders.
func documentsState[P any](ctx context.Context, tx *database.Tx, _ []function.Message[P]) (any, error) {
	return database.Collect(ctx, tx, database.ScanColumn[string], `
		SELECT CONCAT_WS(' ', kind, year, sequence, HEX(source), HEX(order_id), JSON_VALUE(document, '$.number'), JSON_VALUE(document, '$.total.amount')) FROM invoice
		UNION ALL SELECT CONCAT_WS(' ', kind, year, last) FROM invoice_number
		UNION ALL SELECT CONCAT_WS(' ', HEX(order_id), expires_at IS NULL) FROM order_copy
		ORDER BY 1`)
}

// TestInvoiceIssueWithoutSeller requires that nothing is issued in the cloud without the settings
// of the seller, and that the event is delivered again.
func TestInvoiceIssueWithoutSeller(t *testing.T) {
	t.Parallel()
	f := open(t, config.Environment{"K_SERVICE": "invoice-issue"})
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusInternalServerError)
	f.service.seller = invoice.Seller{Name: "Shop", Address: []string{"1 Lane"}}
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	if d := f.mustListInvoices(t, o); len(d) != 1 || d[0].Seller.Name != "Shop" {
		t.Errorf("the documents are %+v", d)
	}
}
