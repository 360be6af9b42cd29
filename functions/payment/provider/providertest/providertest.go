// Package providertest tests adapters of payment providers: Run with a provider that works, or an
// imitation of one, and RunResponses with responses that no provider should send.
package providertest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/money"
)

// Secrets of the tested adapters. They accept callbacks with both webhook secrets, and their
// provider signs with OldSecret.
const (
	APIKey    = "sk_test_providertest"
	OldSecret = "whsec_old_9a31b7" //nolint:gosec // a secret of tests only
	NewSecret = "whsec_new_c2e655" //nolint:gosec // a secret of tests only
)

// WebhookSecrets returns the webhook secrets of the tested adapters.
func WebhookSecrets() []config.Secret {
	return []config.Secret{config.NewSecret(NewSecret), config.NewSecret(OldSecret)}
}

// Outcome is what a customer's card does.
type Outcome string

// Outcomes of a payment.
const (
	Approve   Outcome = "approve"
	Decline   Outcome = "decline"   // the customer may try another card
	Challenge Outcome = "challenge" // the customer has to authenticate
)

// Fault is what goes wrong in the next request of an operation.
type Fault string

// Faults. A client cannot distinguish those before from those after the effect.
const (
	TimeoutBefore Fault = "timeout before"
	TimeoutAfter  Fault = "timeout after"
	ErrorBefore   Fault = "500 before"
	ErrorAfter    Fault = "500 after"
)

// Request is a request of the provider to the webhook.
type Request struct {
	Header http.Header
	Body   []byte
}

// System is an adapter with its provider.
type System struct {
	Provider provider.Provider
	// Now returns the time of the provider.
	Now func() time.Time
	// Pay pays as the customer does.
	Pay func(id string, outcome Outcome) error
	// Inject makes the next request of an operation fail.
	Inject func(operation string, fault Fault) error
	// Callbacks returns the callbacks since the last call, in order.
	Callbacks func() []Request
	// Sign returns the header of a callback.
	Sign func(secret string, at time.Time, body []byte) http.Header
}

// Run tests an adapter. Open returns a new system, which must be safe for concurrent use.
func Run(t *testing.T, open func(t *testing.T) System) {
	t.Helper()
	tests := map[string]func(*fixture){
		"create":                      testCreate,
		"decline":                     testDecline,
		"challenge":                   testChallenge,
		"capture automatically":       testAutomatic,
		"capture all and refund":      testCapture,
		"capture a part":              testCapturePart,
		"void":                        testVoid,
		"conflicts":                   testConflicts,
		"invalid requests":            testInvalid,
		"list":                        testList,
		"keys":                        testKeys,
		"one key at once":             testConcurrentKey,
		"faults":                      testFaults,
		"faults of reads":             testReadFaults,
		"callbacks":                   testCallbacks,
		"forged callbacks":            testForgedCallbacks,
		"callbacks in time and late":  testCallbackTimes,
		"callbacks with both secrets": testRotation,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&fixture{T: t, System: open(t)})
		})
	}
}

// fixture is the system of one test.
type fixture struct {
	*testing.T
	System

	keys atomic.Int64
}

const (
	reference = "0199c0de-0000-7000-8000-000000000001"
	returnURL = "https://shop.example.com/orders/1"
)

// key returns a new idempotency key.
func (f *fixture) key() string { return fmt.Sprintf("key-%d", f.keys.Add(1)) }

// eur returns an amount of EUR.
func eur(amount int64) money.Money { return money.Money{Amount: amount, Currency: "EUR"} }

// creation returns a request for a payment of 100.00 EUR.
func (f *fixture) creation(mode provider.CaptureMode) provider.Creation {
	return provider.Creation{Amount: eur(10_000), Reference: reference, ReturnURL: returnURL, Capture: mode, Key: f.key()}
}

// mustCreate creates a payment.
func (f *fixture) mustCreate(mode provider.CaptureMode) provider.Payment {
	f.Helper()
	payment, err := f.Provider.Create(f.Context(), f.creation(mode))
	if err != nil {
		f.Fatal(err)
	}
	return payment
}

// mustPay creates a payment that the customer pays and returns its id.
func (f *fixture) mustPay(mode provider.CaptureMode) string {
	f.Helper()
	id := f.mustCreate(mode).ID
	f.pay(id, Approve)
	return id
}

// pay pays as the customer does.
func (f *fixture) pay(id string, outcome Outcome) {
	f.Helper()
	if err := f.Pay(id, outcome); err != nil {
		f.Fatal(err)
	}
}

// mustCapture creates a payment of 100.00 EUR that is paid and captured, and returns its id.
func (f *fixture) mustCapture() string {
	f.Helper()
	id := f.mustPay(provider.Manual)
	if _, err := f.Provider.Capture(f.Context(), id, eur(10_000), f.key()); err != nil {
		f.Fatal(err)
	}
	return id
}

// get returns a payment.
func (f *fixture) get(id string) provider.Payment {
	f.Helper()
	payment, err := f.Provider.Get(f.Context(), id)
	if err != nil {
		f.Fatal(err)
	}
	return payment
}

// requireState requires the state and the amounts of a payment, in the result of a request
// and as Get returns it.
func (f *fixture) requireState(payment provider.Payment, err error, state provider.State, captured, refunded int64) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
	if payment.State != state || payment.Captured != captured || payment.Refunded != refunded {
		f.Errorf("the payment is %s with %d captured and %d refunded, want %s, %d and %d",
			payment.State, payment.Captured, payment.Refunded, state, captured, refunded)
	}
	f.requireEqual(f.get(payment.ID), payment)
}

// requireEqual requires that two payments are equal, except for what may change by itself.
func (f *fixture) requireEqual(got, want provider.Payment) {
	f.Helper()
	byValue := cmp.Comparer(func(a, b config.Secret) bool { return a.Reveal() == b.Reveal() })
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		f.Errorf("payment (-want +got):\n%s", diff)
	}
}

// requireClass requires that an error has one of the classes.
func (f *fixture) requireClass(err error, classes ...provider.Class) {
	f.Helper()
	if err == nil {
		f.Errorf("there is no error, want %v", classes)
		return
	}
	for _, class := range classes {
		if provider.ClassOf(err) == class {
			return
		}
	}
	f.Errorf("the class is %s, want %v: %v", provider.ClassOf(err), classes, err)
}
