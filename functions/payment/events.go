package payment

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/event"
	"souk/shared/money"
)

// The topics that the service publishes to. The amounts of an order's events are its own: the
// sum of those of payment-captured is what was captured.
var (
	topicAuthorized = event.NewTopic[AuthorizedEvent]("payment-authorized", "order")
	topicCaptured   = event.NewTopic[Changed]("payment-captured", "order")
	topicFailed     = event.NewTopic[FailedEvent]("payment-failed", "order")
	topicRefunded   = event.NewTopic[RefundedEvent]("payment-refunded", "order")
	topicDisputed   = event.NewTopic[DisputedEvent]("payment-disputed", "order")
)

// Topics lists the topics that the service publishes to.
var Topics = []event.AnyTopic{topicAuthorized, topicCaptured, topicFailed, topicRefunded, topicDisputed, topicInvoiceIssued, apikey.UsedTopic}

// Changed is the payload of payment-captured, and a part of the others.
type Changed struct {
	OrderID uuid.UUID `json:"orderId"`
	UserID  uuid.UUID `json:"userId"`
	// PaymentID is the provider's id of the payment, empty if it was never created.
	PaymentID string      `json:"paymentId,omitempty"`
	Amount    money.Money `json:"amount"`
}

// AuthorizedEvent is the payload of payment-authorized.
type AuthorizedEvent struct {
	Changed

	// AuthorizedAt is when the provider reported the authorization, or when the service found it.
	AuthorizedAt time.Time `json:"authorizedAt"`
}

// FailureReason is why an order will not be paid.
type FailureReason string

// The reasons of payment-failed.
const (
	ReasonDeclined FailureReason = "declined"
	ReasonExpired  FailureReason = "expired"
	ReasonVoided   FailureReason = "voided" // at the provider, not by this service
)

// FailedEvent is the payload of payment-failed: the order will not be paid.
type FailedEvent struct {
	Changed

	Reason FailureReason `json:"reason"`
}

// RefundedEvent is the payload of payment-refunded. The amount is that of one refund.
type RefundedEvent struct {
	Changed

	RefundID uuid.UUID `json:"refundId"`
	// Refunded is the sum of this refund and all before it.
	Refunded money.Money `json:"refunded"`
	// Lines are the refunded units, for a refund by lines.
	Lines []RefundedLine `json:"lines"`
}

// RefundedLine is a number of refunded units of a product.
type RefundedLine struct {
	ProductID uuid.UUID `json:"productId"`
	Quantity  int64     `json:"quantity"`
	// Restock reports whether the units are for sale again.
	Restock bool `json:"restock"`
}

// DisputeOutcome is the outcome of a dispute.
type DisputeOutcome string

// The outcomes of payment-disputed. After a lost dispute the amount is also in payment-refunded.
const (
	DisputeOpened DisputeOutcome = "opened"
	DisputeWon    DisputeOutcome = "won"
	DisputeLost   DisputeOutcome = "lost"
)

// DisputedEvent is the payload of payment-disputed. The amount is what was captured and not
// refunded when the dispute was opened.
type DisputedEvent struct {
	Changed

	Outcome DisputeOutcome `json:"outcome"`
}

// news are events that are to be published about a payment.
type news struct {
	authorized []AuthorizedEvent
	captured   []Changed
	failed     []FailedEvent
	refunded   []RefundedEvent
	disputed   []DisputedEvent
}
