package stripe_test

import (
	"net/http"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"souk/functions/payment/provider"
	"souk/functions/payment/provider/providertest"
)

// mustCaptured returns a fake with a captured payment of 100.00 EUR, of which 10.00 are refunded.
func mustCaptured(t *testing.T) (*fake, *stripego.PaymentIntent) {
	t.Helper()
	f := mustFake(t)
	f.intents = []*stripego.PaymentIntent{{
		ID: "pi_1", Object: "payment_intent", Amount: 10_000, AmountReceived: 10_000, Currency: "eur", Created: f.now,
		Status: stripego.PaymentIntentStatusSucceeded, CaptureMethod: stripego.PaymentIntentCaptureMethodAutomaticAsync,
		LatestCharge: &stripego.Charge{ID: "ch_1", Amount: 10_000, AmountCaptured: 10_000, AmountRefunded: 1_000, Captured: true},
	}}
	return f, f.intents[0]
}

// TestDisputes tests payments whose disputes are at every status.
func TestDisputes(t *testing.T) {
	t.Parallel()
	for status, want := range map[stripego.DisputeStatus]struct {
		state    provider.State
		refunded int64
	}{
		stripego.DisputeStatusNeedsResponse:        {provider.Disputed, 1_000},
		stripego.DisputeStatusUnderReview:          {provider.Disputed, 1_000},
		stripego.DisputeStatusWon:                  {provider.PartiallyRefunded, 1_000},
		stripego.DisputeStatusPrevented:            {provider.PartiallyRefunded, 1_000},
		stripego.DisputeStatusWarningNeedsResponse: {provider.PartiallyRefunded, 1_000},
		stripego.DisputeStatusWarningClosed:        {provider.PartiallyRefunded, 1_000},
		stripego.DisputeStatusLost:                 {provider.Refunded, 10_000},
		"":                                         {provider.PartiallyRefunded, 1_000},
	} {
		f, intent := mustCaptured(t)
		intent.LatestCharge.Disputed = true
		f.disputes = []*stripego.Dispute{{ID: "dp_1", Object: "dispute", Amount: 9_500, Status: status, PaymentIntent: intent}}
		adapter := mustAdapt(t, f)
		payment, err := adapter.Get(t.Context(), "pi_1")
		if err != nil || payment.State != want.state || payment.Refunded != want.refunded || payment.Captured != 10_000 {
			t.Errorf("%s: got %+v, %v", status, payment, err)
		}
		page, err := adapter.List(t.Context(), provider.Query{})
		if err != nil || len(page.Items) != 1 || page.Items[0] != payment {
			t.Errorf("%s: the list is %+v, %v", status, page, err)
		}
	}
}

// TestDisputesUnavailable requires that a write is not reported as without effect if only the
// disputes could not be read after it.
func TestDisputesUnavailable(t *testing.T) {
	t.Parallel()
	f, intent := mustCaptured(t)
	intent.LatestCharge.Disputed = true
	adapter := mustAdapt(t, transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/v1/disputes" {
			return respond{http.StatusUnauthorized, map[string]any{"error": map[string]any{"type": "invalid_request_error"}}}.RoundTrip(r)
		}
		return f.RoundTrip(r)
	}))
	_, err := adapter.Refund(t.Context(), "pi_1", eur(100), "key")
	if provider.ClassOf(err) != provider.ClassUnknown {
		t.Errorf("got %v, want an unknown outcome", err)
	}
	if _, err := adapter.Get(t.Context(), "pi_1"); provider.ClassOf(err) != provider.ClassTemporary {
		t.Errorf("got %v, want a temporary error", err)
	}
}

// TestCanceled tests the reasons for which a PaymentIntent is canceled.
func TestCanceled(t *testing.T) {
	t.Parallel()
	failed := &stripego.Error{Type: stripego.ErrorTypeCard, Code: stripego.ErrorCodeCardDeclined}
	for _, row := range []struct {
		reason stripego.PaymentIntentCancellationReason
		last   *stripego.Error
		want   provider.State
	}{
		{"", nil, provider.Voided},
		{stripego.PaymentIntentCancellationReasonRequestedByCustomer, failed, provider.Voided},
		{stripego.PaymentIntentCancellationReasonAutomatic, failed, provider.Declined},
		{stripego.PaymentIntentCancellationReasonAutomatic, nil, provider.Expired},
		{stripego.PaymentIntentCancellationReasonExpired, nil, provider.Expired},
	} {
		f, intent := mustCaptured(t)
		intent.Status, intent.AmountReceived, intent.CancellationReason, intent.LastPaymentError = stripego.PaymentIntentStatusCanceled, 0, row.reason, row.last
		intent.LatestCharge.AmountRefunded = 10_000 // the reversal of the authorization
		payment, err := mustAdapt(t, f).Get(t.Context(), "pi_1")
		if err != nil || payment.State != row.want || payment.Captured != 0 || payment.Refunded != 0 {
			t.Errorf("%s, %v: got %+v, %v, want %s", row.reason, row.last, payment, err, row.want)
		}
	}
}

// TestUnknownObjects requires that what the documentation does not describe is no result.
func TestUnknownObjects(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*stripego.PaymentIntent){
		"a status":           func(i *stripego.PaymentIntent) { i.Status = "new" },
		"a currency":         func(i *stripego.PaymentIntent) { i.Currency = "iqd" },
		"a negative amount":  func(i *stripego.PaymentIntent) { i.Amount = -1 },
		"a negative capture": func(i *stripego.PaymentIntent) { i.AmountReceived = -1 },
	} {
		f, intent := mustCaptured(t)
		change(intent)
		payment, err := mustAdapt(t, f).Get(t.Context(), "pi_1")
		if provider.ClassOf(err) != provider.ClassTemporary {
			t.Errorf("%s: got %+v, %v", name, payment, err)
		}
	}
}

// TestCaptureBefore tests when an authorization expires.
func TestCaptureBefore(t *testing.T) {
	t.Parallel()
	f, intent := mustCaptured(t)
	intent.Status, intent.AmountReceived = stripego.PaymentIntentStatusRequiresCapture, 0
	intent.LatestCharge.PaymentMethodDetails = &stripego.ChargePaymentMethodDetails{
		Card: &stripego.ChargePaymentMethodDetailsCard{CaptureBefore: f.now + 60},
	}
	payment, err := mustAdapt(t, f).Get(t.Context(), "pi_1")
	if err != nil || payment.ExpiresAt.Sub(now()).Seconds() != 60 || payment.State != provider.Authorized {
		t.Errorf("got %+v, %v", payment, err)
	}
}

// TestListWithoutPayments tests a page without payments and a wrong token.
func TestListWithoutPayments(t *testing.T) {
	t.Parallel()
	f := mustFake(t)
	adapter := mustAdapt(t, f)
	page, err := adapter.List(t.Context(), provider.Query{Since: now().AddDate(1, 0, 0)})
	if err != nil || len(page.Items) > 0 || page.NextPageToken != "" {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, err := adapter.List(t.Context(), provider.Query{PageToken: "a&b=c"}); provider.ClassOf(err) != provider.ClassInvalid {
		t.Errorf("got %v", err)
	}
	if err := f.pay("pi_1", providertest.Approve); err == nil {
		t.Error("a payment that is missing was paid")
	}
}
