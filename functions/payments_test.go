package functions_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	emulator "souk/emulators/payment"
	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// paymentKey is the API key of the payment provider, and the secret of its callbacks.
const paymentKey = "the key of the payment provider of these tests"

// paymentProvider is a payment provider in this process.
type paymentProvider struct {
	*emulator.Provider

	url string
}

var onePaymentProvider struct {
	sync.Once
	paymentProvider

	err error
}

// startPaymentProvider returns the payment provider of all tests, which lasts as long as the
// process.
func startPaymentProvider(t testing.TB) paymentProvider {
	t.Helper()
	one := &onePaymentProvider
	one.Do(func() {
		if one.Provider, one.err = emulator.New(emulator.Options{APIKey: paymentKey, WebhookSecret: paymentKey}); one.err == nil {
			one.url = httptest.NewServer(one.Provider).URL
			one.SetURL(one.url)
		}
	})
	if one.err != nil {
		t.Fatal(one.err)
	}
	return one.paymentProvider
}

// createPayment creates the payment of an order of the owner, and returns the order's id.
func createPayment(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	order := uuid.Must(uuid.NewV7())
	reserved := fixtures.StockReserved(order)
	reserved["userId"], reserved["total"], reserved["payment"] = owner.id, fixtures.Price(5427), "required"
	s.Deliver(t, "payment-request", functiontest.NewEvent(t, "stock-reserved", reserved)).MustBe(t, http.StatusNoContent)
	return order
}

// createPaid creates a payment that the customer has made, and returns the order's id.
func createPaid(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	order := createPayment(t, s, owner)
	var id string
	if err := s.DB.QueryRowContext(t.Context(), `SELECT provider_payment_id FROM payment WHERE order_id = ?`, order[:]).Scan(&id); err != nil {
		t.Fatal(err)
	}
	paid, err := startPaymentProvider(t).Pay(id, emulator.CardApproved, "")
	if err != nil {
		t.Fatal(err)
	}
	body := mustJSON(t, object{"id": "evt_" + order.String(), "type": "payment.captured", "createdAt": paid.UpdatedAt, "payment": paid})
	s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: webhookPath, Body: body, Header: signCallback(body),
	}).MustBe(t, http.StatusNoContent)
	return order
}

// signCallback returns the header with the provider's signature of a callback.
func signCallback(body string) map[string]string {
	return map[string]string{emulator.SignatureHeader: emulator.Sign(paymentKey, time.Now(), []byte(body))}
}

// webhookPath is the path of the local provider.
const webhookPath = "/v1/payments/local/webhook"

// otherCallback is a callback about a payment of another system.
var otherCallback = fmt.Sprintf(`{"id": "evt_1", "type": "payment.authorized", "createdAt": "2026-03-01T09:30:00Z", "payment": {
	"id": "pay_1", "reference": "%s", "state": "authorized", "version": 2, "amount": 1, "currency": "EUR", "capture": "manual"}}`, missingID)

// refundBody refunds a part by amount: the order has no lines.
func refundBody(testing.TB, *functiontest.Server, account) object {
	return object{"amount": fixtures.Price(100), "restock?": false, "reason?": "arrived broken"}
}
