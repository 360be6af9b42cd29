package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/money"
	"souk/shared/pricing"
)

type refundCreateInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Lines    []refundLineInput `json:"lines,omitempty" maxItems:"50" doc:"The units to refund. Not with amount."`
		Shipping bool              `json:"shipping,omitempty" doc:"Whether to refund what remains of the shipping. Not with amount."`
		Amount   *money.Money      `json:"amount,omitempty" doc:"The amount to refund, which is divided among all lines and shipping. Not with lines or shipping."`
		Restock  bool              `json:"restock,omitempty" doc:"Whether the refunded units are for sale again."`
		Reason   string            `json:"reason,omitempty" maxLength:"200" doc:"The reason, as free text." example:"arrived broken"`
	}
}

type refundLineInput struct {
	ProductID uuid.UUID `json:"productId" format:"uuid"`
	Quantity  int64     `json:"quantity" minimum:"1" maximum:"1000" example:"1"`
}

// Resolve implements huma.Resolver. It requires lines or shipping, or an amount.
func (in *refundCreateInput) Resolve(huma.Context) []error {
	byUnits, amount := len(in.Body.Lines) > 0 || in.Body.Shipping, in.Body.Amount
	switch {
	case byUnits && amount != nil:
		return []error{api.FieldError{Location: "body.amount", Code: api.FieldValue, Message: "must not be sent with lines or shipping"}}
	case !byUnits && amount == nil:
		return []error{api.FieldError{Location: "body.amount", Code: api.FieldRequired, Message: "is required without lines and shipping"}}
	case amount != nil && amount.Amount == 0:
		return []error{api.FieldError{Location: "body.amount.amount", Code: api.FieldRange, Message: "must be 1 or more"}}
	case amount != nil && len(amount.Currency) == 3 && money.CheckCurrency(amount.Currency) != nil:
		return []error{api.FieldError{Location: "body.amount.currency", Code: api.FieldFormat, Message: "must be the code of an active currency"}}
	}
	return nil
}

// Refund is a part of a captured amount that is paid back.
type Refund struct {
	ID          uuid.UUID      `json:"id" format:"uuid"`
	Status      RefundState    `json:"status" enum:"requested,succeeded,failed" doc:"requested: the provider has not made it yet. failed: the provider has refused it."`
	Amount      money.Money    `json:"amount"`
	Lines       []RefundedLine `json:"lines" nullable:"false" doc:"The refunded units, for a refund by lines."`
	Reason      string         `json:"reason,omitempty" example:"arrived broken"`
	Failure     string         `json:"failure,omitempty" doc:"The provider's code for the reason of the failure." example:"charge_disputed"`
	CreatedAt   time.Time      `json:"createdAt"`
	CompletedAt *time.Time     `json:"completedAt,omitempty"`
}

type refundResponse struct {
	Body Refund
}

// refundCreate handles POST /v1/orders/{id}/refunds.
//
// # Refund an order
//
// Pays back units of lines and the shipping, each with its discount and tax, or an amount. All
// refunds together never exceed what was captured. The response has the status requested: the
// refund is repeated until the provider makes or refuses it. Read the payment for its outcome.
func (s *service) refundCreate(ctx context.Context, tx *database.Tx, in *refundCreateInput) (*refundResponse, error) {
	a, err := lockAccount(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("payment", in.ID)
	}
	if err != nil {
		return nil, err
	}
	r, err := s.newRefund(ctx, tx, a, in)
	if err != nil {
		return nil, err
	}
	a.addRefund(r)
	a.add(opRefund, r.id, r.amount, s.Now())
	a.continueAt(s.Now())
	if err := s.save(ctx, tx, a); err != nil {
		return nil, err
	}
	return &refundResponse{r.response(a.amount.Currency)}, nil
}

// newRefund returns the refund of a request, or a problem if it is not possible.
func (s *service) newRefund(ctx context.Context, tx *database.Tx, a *account, in *refundCreateInput) (*refund, error) {
	if !a.state.isRefundable() {
		return nil, api.NewProblem(http.StatusConflict, "payment_not_refundable", "A payment that is %s cannot be refunded. Read the payment for its current status.", a.state)
	}
	if in.Body.Amount != nil && in.Body.Amount.Currency != a.amount.Currency {
		return nil, api.NewProblem(http.StatusConflict, "currency_differs", "The payment is in %s. Refund an amount in this currency.", a.amount.Currency)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create a refund id: %w", err)
	}
	caller, _ := auth.PrincipalFrom(ctx)
	r := &refund{
		id: id, orderID: a.orderID, state: RefundRequested, source: sourceRequested, restock: in.Body.Restock,
		reason: in.Body.Reason, requestedBy: caller.ID(), createdAt: s.Now(),
	}
	if a.userID == anonymousUser {
		r.reason = "" // free text may contain names, and those of a deleted account are erased
	}
	if r.content, err = priceRefund(ctx, tx, a, in.request()); err != nil {
		return nil, err
	}
	r.amount = in.requested(r.content)
	if available := a.refundable() - a.reserved(); r.amount > available {
		return nil, refundExceeds(r.amount, available)
	}
	if r.amount == 0 {
		return nil, api.NewProblem(http.StatusConflict, "nothing_to_refund", "Nothing was paid for these units, or it was refunded before.")
	}
	return r, nil
}

// requested returns the amount of a refund with a content, which is nil for an order without a
// quote.
func (in *refundCreateInput) requested(content *pricing.Refund) int64 {
	if content == nil {
		return in.Body.Amount.Amount
	}
	return content.Amount
}

func refundExceeds(amount, available int64) *api.Problem {
	return api.NewProblem(http.StatusConflict, "refund_exceeds_payment", "The refund of %d minor units is more than the %d that were captured and not refunded.", amount, max(available, 0))
}

// request returns what is to be refunded.
func (in *refundCreateInput) request() pricing.RefundRequest {
	request := pricing.RefundRequest{Shipping: in.Body.Shipping}
	if in.Body.Amount != nil {
		request.Amount = in.Body.Amount.Amount
	}
	for _, line := range in.Body.Lines {
		request.Lines = append(request.Lines, pricing.RefundLine{ID: line.ProductID.String(), Quantity: line.Quantity})
	}
	return request
}

// priceRefund returns what a request refunds of each line. It is nil for a refund by amount of an
// order without a quote.
func priceRefund(ctx context.Context, tx *database.Tx, a *account, request pricing.RefundRequest) (*pricing.Refund, error) {
	quote, earlier, err := readRefunded(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	if quote == nil {
		if request.Amount == 0 {
			return nil, api.NewProblem(http.StatusConflict, "order_without_quote", "The prices of the order's lines are not known, or not yet. Refund an amount.")
		}
		return nil, nil //nolint:nilnil // by amount only
	}
	content, err := pricing.NewRefund(*quote, a.captured, earlier, request)
	switch {
	case errors.Is(err, pricing.ErrRefundLine):
		return nil, api.NewProblem(http.StatusConflict, "line_not_ordered", "The order has no such line.")
	case errors.Is(err, pricing.ErrRefundQuantity):
		return nil, api.NewProblem(http.StatusConflict, "quantity_not_refundable", "These are more units than were ordered and not refunded yet.")
	case errors.Is(err, pricing.ErrRefundAmount):
		return nil, refundExceeds(request.Amount, a.refundable()-a.reserved())
	case err != nil:
		return nil, fmt.Errorf("compute a refund of order %s: %w", a.orderID, err)
	}
	return &content, nil
}

// readRefunded returns the quote of a payment's order, nil if it is not known, and what earlier
// refunds, also those in progress, pay back of it.
func readRefunded(ctx context.Context, tx *database.Tx, a *account) (*pricing.Quote, []pricing.Refund, error) {
	o, err := selectOrderCopy(ctx, tx, a.orderID)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return nil, nil, err
	}
	if o.Quote == nil {
		return nil, nil, nil
	}
	earlier, err := refundContents(o.Quote, a.captured, a.refundsInOrder())
	return o.Quote, earlier, err
}

// driveRefund asks the provider for a refund after its request was committed. The response is the
// stored one, as in each replay.
func (s *service) driveRefund(ctx context.Context, in *refundCreateInput, out *refundResponse) *refundResponse {
	if err := s.driveForRequest(ctx, in.ID); err != nil {
		slog.WarnContext(ctx, "payment-reconcile continues with a refund", "order", in.ID, "refund", out.Body.ID, "error", err)
	}
	return nil
}

// response returns the refund for a response.
func (r *refund) response(currency string) Refund {
	out := Refund{
		ID: r.id, Status: r.state, Amount: money.Money{Amount: r.amount, Currency: currency}, Lines: r.lines(),
		Reason: r.reason, Failure: r.failure, CreatedAt: r.createdAt,
	}
	if !r.completedAt.IsZero() {
		out.CompletedAt = &r.completedAt
	}
	return out
}
