// Package provider is what the payment service needs of a payment provider: an interface, its
// errors, and the parts that its implementations (adapters) share. Package local is the adapter
// of the provider on one machine (emulators/payment), package stripe that of Stripe. Package
// providertest tests an adapter.
//
// # Writes
//
// Each write has an idempotency key, which the caller derives from the event that causes it. A
// write that is repeated with the same key and arguments has one effect, and the same result. A
// key with other arguments is refused (Conflict). Adapters do not repeat requests. The class of the error
// is what the caller acts on:
//
//	Declined   the bank refused it. Do not repeat it; the customer may use another card.
//	Invalid    the request is wrong, at any time. Do not repeat it.
//	Conflict   the payment's state does not allow it, or its key was used for another request.
//	           Do not repeat it; read the payment.
//	Temporary  it had no effect. Repeat it later with the same key.
//	Unknown    it may have had its effect. Repeat it later with the same key.
//
// Providers store responses for at least 24 hours, and some store errors too: Stripe repeats a
// stored 500. So, if a repeated write is Unknown again, read the payment (Get, or List by
// reference); only if it shows no effect, use another key.
//
// # Callbacks
//
// Callbacks may be lost, repeated and out of order. A payment with a Version replaces one with a
// lower Version. A payment without one is only a notification: Get returns the current state.
package provider

import (
	"context"
	"net/http"
	"time"

	"souk/shared/config"
	"souk/shared/money"
)

// Provider is a payment provider. Its methods are safe for concurrent use, and their errors,
// except that of ParseCallback, are of type Error. Errors contain no secret.
type Provider interface {
	// Name returns the name of the provider, which is part of the webhook's path.
	Name() string
	// Create creates a payment.
	Create(ctx context.Context, in Creation) (Payment, error)
	// Get returns the current state of a payment.
	Get(ctx context.Context, id string) (Payment, error)
	// Capture captures an amount of an authorized payment, once, and releases the remainder.
	// The result may be Processing.
	Capture(ctx context.Context, id string, amount money.Money, key string) (Payment, error)
	// Void cancels a payment that is not captured.
	Void(ctx context.Context, id, key string) (Payment, error)
	// Refund returns a part of the captured amount, as often as there is a remainder.
	Refund(ctx context.Context, id string, amount money.Money, key string) (Refund, error)
	// List returns the payments of a query, in any order. Pages neither skip nor repeat a
	// payment that was created before the first page was read.
	List(ctx context.Context, query Query) (Page, error)
	// ParseCallback verifies a request to the webhook and returns its content. The error is
	// ErrSignature if the provider has not sent it, or not now.
	ParseCallback(header http.Header, body []byte, now time.Time) (Callback, error)
}

// CaptureMode is when an authorized amount is captured.
type CaptureMode string

// Automatic captures at once, Manual waits for Capture.
const (
	Automatic CaptureMode = "automatic"
	Manual    CaptureMode = "manual"
)

// Creation is the request for a new payment.
type Creation struct {
	Amount money.Money
	// Reference is the id of the order.
	Reference string
	// ReturnURL is where the customer continues after paying. Stripe gets it from the page
	// that uses the client secret.
	ReturnURL string
	Capture   CaptureMode
	// Key is the idempotency key.
	Key string
}

// Payment is the state of a payment at the provider.
type Payment struct {
	ID        string
	Reference string // empty for a payment that another system created
	State     State
	// Version grows with each change. It is 0 if the provider does not count changes.
	Version int64
	Amount  money.Money
	Capture CaptureMode
	// Captured and Refunded are amounts in minor units of the currency of Amount. A dispute
	// that is lost counts as a refund.
	Captured, Refunded int64
	Next               NextAction
	// Failure is the provider's code for the last declined card.
	Failure   string
	CreatedAt time.Time
	// UpdatedAt is when the payment was last changed, zero if the provider does not report it.
	UpdatedAt time.Time
	// ExpiresAt is when the payment or its authorization expires, zero if unknown.
	ExpiresAt time.Time
}

// NextAction is what the customer has to do. It is empty if there is nothing.
type NextAction struct {
	// URL is a page of the provider, or of the customer's bank.
	URL string
	// ClientSecret allows the shop's page to complete the payment with the provider's script.
	ClientSecret config.Secret
}

// Refund is a refund and the payment after it.
type Refund struct {
	ID      string
	Payment Payment
}

// Query selects payments.
type Query struct {
	// Since is the earliest time of creation; zero: all. Payments up to a second earlier may
	// be in the result too.
	Since time.Time
	// PageToken is that of the previous page, with an equal query.
	PageToken string
	// PageSize is from 1 to MaxPageSize; 0: MaxPageSize.
	PageSize int
}

// MaxPageSize is the largest number of payments of a page.
const MaxPageSize = 100

// Page is a page of payments.
type Page struct {
	Items []Payment
	// NextPageToken is empty after the last page.
	NextPageToken string
}

// Callback is a verified request of the provider.
type Callback struct {
	// ID is unique to the event: a repeated callback has the same.
	ID string
	// Type is the provider's name for the event.
	Type      string
	CreatedAt time.Time
	// Payment is the payment after the event if it has a Version. Otherwise only its ID is
	// set. Without an ID the event is about something else: acknowledge and ignore it.
	Payment Payment
}
