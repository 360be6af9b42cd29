package payment

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/money"
)

// Capture is when an authorized amount is captured.
type Capture string

// Automatic captures at once, Manual waits for a request.
const (
	Automatic Capture = "automatic"
	Manual    Capture = "manual"
)

// Payment is a payment as clients receive it.
type Payment struct {
	ID        string `json:"id"`
	Reference string `json:"reference"` // the client's: an order id
	State     State  `json:"state"`
	// Version is the number of changes, 1 for a new payment.
	Version  int     `json:"version"`
	Amount   int64   `json:"amount"`
	Currency string  `json:"currency"`
	Capture  Capture `json:"capture"`

	CapturedAmount int64 `json:"capturedAmount"`
	RefundedAmount int64 `json:"refundedAmount"`

	Refunds []Refund `json:"refunds,omitempty"`
	Card    *Card    `json:"card,omitempty"`
	Failure *Failure `json:"failure,omitempty"` // of the last card
	// PageURL is where the customer pays. Events do not have it.
	PageURL   string `json:"pageUrl,omitempty"`
	ReturnURL string `json:"returnUrl"`

	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// ExpiresAt is when the payment, or its authorization, expires.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// Refund is a returned part of a captured amount.
type Refund struct {
	ID        string    `json:"id"`
	Amount    int64     `json:"amount"`
	Reason    string    `json:"reason"` // requested or disputed
	CreatedAt time.Time `json:"createdAt"`
}

// Card is what is stored of a card.
type Card struct {
	Brand string `json:"brand"`
	Last4 string `json:"last4"`
}

// Failure is why a card was declined.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Total returns the amount to pay.
func (p Payment) Total() money.Money { return money.Money{Amount: p.Amount, Currency: p.Currency} }

// entry is a payment as it is stored. It is immutable: a change replaces it.
type entry struct {
	Payment
	// Sequence orders payments by creation, from 1.
	Sequence int64 `json:"sequence"`
	// Token is the unguessable part of the page's URL.
	Token    string `json:"token"`
	Attempts int    `json:"attempts,omitempty"`
	// Late is set for a card whose captures take effect later; Pending is the amount of one.
	Late    bool  `json:"late,omitempty"`
	Pending int64 `json:"pending,omitempty"`
	// Due is when time changes the payment: see due.go.
	Due time.Time `json:"due,omitzero"`
	// WasDisputed is set by a dispute, of which a payment has at most one.
	WasDisputed bool `json:"wasDisputed,omitempty"`
}

// setDue sets when the payment expires.
func (e *entry) setExpiry(at time.Time) { e.Due, e.ExpiresAt = at, &at }

// clearDue removes the time of the next change.
func (e *entry) clearDue() { e.Due, e.ExpiresAt = time.Time{}, nil }

// refundable returns the captured amount that is not refunded.
func (e *entry) refundable() int64 { return e.CapturedAmount - e.RefundedAmount }

// newID returns a random id with a prefix, such as pay_.
func newID(prefix string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	return prefix + strings.ReplaceAll(id.String(), "-", ""), nil
}
