package functions_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// createOrderCopy stores the copy of an order of the owner, which is to be paid, and returns its id.
func createOrderCopy(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	order := uuid.Must(uuid.NewV7())
	placed := fixtures.UnpaidOrderPlaced(order, object{"productId": uuid.New(), "name": "Assam, 250 g", "quantity": 1, "unitPrice": fixtures.Price(5427)})
	placed["userId"], placed["total"] = owner.id, fixtures.Price(5427)
	s.Deliver(t, "invoice-draft", functiontest.NewEvent(t, "order-placed", placed)).MustBe(t, http.StatusNoContent)
	return order
}

// createInvoice issues the invoice of an order of the owner, and returns the invoice's id.
func createInvoice(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	order := createOrderCopy(t, s, owner)
	captured := object{"orderId": order, "userId": owner.id, "paymentId": "pay_1", "amount": fixtures.Price(5427)}
	s.Deliver(t, "invoice-issue", functiontest.NewEvent(t, "payment-captured", captured)).MustBe(t, http.StatusNoContent)
	for _, e := range s.Published.Events("invoice-issued") {
		var issued struct{ InvoiceID, OrderID uuid.UUID }
		if err := json.Unmarshal(e.Payload, &issued); err != nil {
			t.Fatal(err)
		}
		if issued.OrderID == order {
			return issued.InvoiceID
		}
	}
	t.Fatalf("no invoice of order %s was issued", order)
	return uuid.Nil
}
