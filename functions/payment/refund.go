package payment

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/pricing"
)

// RefundState is the state of a refund.
type RefundState string

// The states of a refund.
const (
	RefundRequested RefundState = "requested" // the provider has not made it yet
	RefundSucceeded RefundState = "succeeded"
	RefundFailed    RefundState = "failed" // the provider refused it
)

// refundSource is what caused a refund.
type refundSource string

const (
	sourceRequested refundSource = "requested" // by refund-create
	sourceReturned  refundSource = "returned"  // by return-refund
	sourceCancelled refundSource = "cancelled" // of all that remains of a cancelled order
	sourceProvider  refundSource = "provider"  // at the provider, such as a lost dispute
)

// refund is a part of a captured amount that is, or is to be, paid back. Its id is that of its
// operation.
type refund struct {
	id, orderID uuid.UUID
	state       RefundState
	source      refundSource
	amount      int64
	// content is what is refunded of each line, nil if it is not known.
	content *pricing.Refund
	restock bool
	reason  string
	// requestedBy is the id of the account or API key, uuid.Nil for another source.
	requestedBy            uuid.UUID
	providerRefundID       string
	failure                string
	createdAt, completedAt time.Time
}

// isRepeated reports whether a refund that the provider refused is requested again. What an admin
// has decided, by refund-create or return-receive, is decided again by one.
func (r *refund) isRepeated() bool { return r.source != sourceRequested && r.source != sourceReturned }

// end ends a refund with its operation.
func (r *refund) end(state operationState, failure string, now time.Time) {
	r.state, r.completedAt = RefundSucceeded, now
	if state != opDone {
		r.state, r.failure = RefundFailed, failure
	}
}

// contentAfter returns what the refund pays back of each line, after earlier refunds of a captured
// amount. One whose lines are not known, such as a lost dispute, is one of an amount.
func (r *refund) contentAfter(earlier []pricing.Refund, quote *pricing.Quote, captured int64) (pricing.Refund, error) {
	if r.content != nil {
		return *r.content, nil
	}
	content, err := pricing.NewRefund(*quote, captured, earlier, pricing.RefundRequest{Amount: r.amount})
	if err != nil {
		return pricing.Refund{}, fmt.Errorf("compute refund %s: %w", r.id, err)
	}
	return content, nil
}

// refundContents returns what refunds of a captured amount, oldest first, pay back of each line,
// without those that failed.
func refundContents(quote *pricing.Quote, captured int64, refunds []*refund) (contents []pricing.Refund, err error) {
	for _, r := range refunds {
		if r.state == RefundFailed {
			continue
		}
		content, err := r.contentAfter(contents, quote, captured)
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
	}
	return contents, nil
}

// lines returns the refunded units of products. The id of a line is that of its product.
func (r *refund) lines() []RefundedLine {
	lines := []RefundedLine{}
	if r.content == nil {
		return lines
	}
	for _, part := range r.content.Parts {
		product, err := uuid.Parse(part.LineID)
		if err == nil && part.Quantity > 0 {
			lines = append(lines, RefundedLine{ProductID: product, Quantity: part.Quantity, Restock: r.restock})
		}
	}
	return lines
}
