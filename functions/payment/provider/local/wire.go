package local

import (
	"time"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// createBody is the body of a request to create a payment.
type createBody struct {
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"`
	ReturnURL string `json:"returnUrl"`
	Capture   string `json:"capture"`
}

// amountBody is the body of a request to capture or refund.
type amountBody struct {
	Amount int64 `json:"amount"`
}

// payment is a payment as the provider sends it.
type payment struct {
	ID             string     `json:"id"`
	Reference      string     `json:"reference"`
	State          string     `json:"state"`
	Version        int64      `json:"version"`
	Amount         int64      `json:"amount"`
	Currency       string     `json:"currency"`
	Capture        string     `json:"capture"`
	CapturedAmount int64      `json:"capturedAmount"`
	RefundedAmount int64      `json:"refundedAmount"`
	Refunds        []refund   `json:"refunds"`
	Failure        failure    `json:"failure"`
	PageURL        string     `json:"pageUrl"`
	CreatedAt      time.Time  `json:"createdAt"`
	UpdatedAt      time.Time  `json:"updatedAt"`
	ExpiresAt      *time.Time `json:"expiresAt"`
}

type refund struct {
	ID string `json:"id"`
}

type failure struct {
	Code string `json:"code"`
}

// event is the body of a callback.
type event struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"createdAt"`
	Payment   payment   `json:"payment"`
}

// states maps the states of the provider.
var states = map[string]provider.State{
	"requires_payment":   provider.Requested,
	"requires_action":    provider.RequiresAction,
	"processing":         provider.Processing,
	"authorized":         provider.Authorized,
	"captured":           provider.Captured,
	"partially_refunded": provider.PartiallyRefunded,
	"refunded":           provider.Refunded,
	"voided":             provider.Voided,
	"declined":           provider.Declined,
	"expired":            provider.Expired,
	"disputed":           provider.Disputed,
}

// check returns an error for a payment that is not as documented.
func (p payment) check(operation string) error {
	_, known := states[p.State]
	amounts := money.Money{Amount: p.Amount, Currency: p.Currency}.ValidateStored() == nil &&
		0 <= p.RefundedAmount && p.RefundedAmount <= p.CapturedAmount && p.CapturedAmount <= p.Amount
	if !known || !amounts || p.Version < 1 || provider.ValidateID(operation, p.ID) != nil {
		return provider.BadResponse(operation, "the payment is not as documented")
	}
	return nil
}

// convert returns the payment, which check has accepted.
func (p payment) convert() provider.Payment {
	converted := provider.Payment{
		ID: p.ID, Reference: p.Reference, State: states[p.State], Version: p.Version,
		Amount: money.Money{Amount: p.Amount, Currency: p.Currency}, Capture: provider.CaptureMode(p.Capture),
		Captured: p.CapturedAmount, Refunded: p.RefundedAmount, Failure: p.Failure.Code, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	if converted.State == provider.Requested || converted.State == provider.RequiresAction {
		converted.Next.URL = p.PageURL
	}
	if p.ExpiresAt != nil {
		converted.ExpiresAt = *p.ExpiresAt
	}
	return converted
}
