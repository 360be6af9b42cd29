package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
	"souk/shared/money"
)

// Payment is the payment of an order.
type Payment struct {
	OrderID  uuid.UUID   `json:"orderId" format:"uuid"`
	Status   State       `json:"status"`
	Provider string      `json:"provider" doc:"The name of the payment provider." example:"local"`
	Amount   money.Money `json:"amount"`
	Captured money.Money `json:"captured" doc:"The amount that was taken."`
	Refunded money.Money `json:"refunded" doc:"The part of the captured amount that was paid back."`
	// NextAction is what the customer has to do.
	NextAction *NextAction `json:"nextAction,omitempty" doc:"What the customer has to do, as long as the payment waits for it."`
	Failure    string      `json:"failure,omitempty" doc:"The provider's code for the last declined card." example:"card_declined"`
	Refunds    []Refund    `json:"refunds" nullable:"false"`
	Version    int64       `json:"version" doc:"The number of the payment's current version. It is also the ETag." example:"2"`
	CreatedAt  time.Time   `json:"createdAt"`
	UpdatedAt  time.Time   `json:"updatedAt"`
}

// NextAction is how the customer pays: on a page, or by a script of the provider.
type NextAction struct {
	URL          string `json:"url,omitempty" format:"uri" doc:"The page on which the customer pays or proves the identity." example:"https://pay.example.com/p/7f3k"`
	ClientSecret string `json:"clientSecret,omitempty" doc:"The secret with which the provider's script completes the payment on the shop's page. Do not store or log it." example:"pi_1_secret_2"`
}

// paymentResponse is a response that contains one payment.
type paymentResponse = api.Resource[Payment]

type getInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// get handles GET /v1/orders/{id}/payment.
//
// # Get the payment of an order
//
// Customers get the payments of their own orders, staff every one. A payment exists shortly after
// the order's stock is reserved. While its status is requested or requires_action, nextAction is
// how the customer pays. An order that is not to be paid has no payment.
func (s *service) get(ctx context.Context, in *getInput) (*paymentResponse, error) {
	p, err := selectPayment(ctx, s.DB, in.ID)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return nil, fmt.Errorf("get the payment of order %s: %w", in.ID, err)
	}
	caller, _ := auth.PrincipalFrom(ctx)
	if err != nil || !caller.MayRead(p.userID, manifest.OrdersRead) {
		return nil, api.NotFound("payment", in.ID)
	}
	refunds, err := selectRefunds(ctx, s.DB, in.ID)
	if err != nil {
		return nil, err
	}
	response := p.response(refunds)
	if response.NextAction, err = s.nextAction(ctx, p); err != nil {
		return nil, err
	}
	return &paymentResponse{ETag: api.ETag(p.version), Body: response}, nil
}

// nextAction returns what the customer has to do. A client secret is not stored, but read from the
// provider.
func (s *service) nextAction(ctx context.Context, p payment) (*NextAction, error) {
	switch {
	case !p.state.waitsForCustomer() || p.providerID == "" || p.wantsCancel():
		return nil, nil //nolint:nilnil // there is nothing to do
	case p.pageURL != "":
		return &NextAction{URL: p.pageURL}, nil
	}
	adapter, err := s.adapter(p.provider)
	if err == nil {
		seen, getErr := adapter.Get(ctx, p.providerID)
		if err = getErr; err == nil {
			next := NextAction{URL: seen.Next.URL, ClientSecret: seen.Next.ClientSecret.Reveal()}
			if next == (NextAction{}) {
				return nil, nil //nolint:nilnil // the payment has changed, and its callback is on the way
			}
			return &next, nil
		}
	}
	slog.WarnContext(ctx, "cannot read how the customer pays", "order", p.orderID, "payment", p.providerID, "error", err)
	return nil, api.Unavailable("The payment provider does not respond right now.")
}

// response returns the payment for a response, without the next action.
func (p *payment) response(refunds []*refund) Payment {
	out := Payment{
		OrderID: p.orderID, Status: p.state, Provider: p.provider, Amount: p.amount,
		Captured: p.money(p.captured), Refunded: p.money(p.refunded), Failure: p.failure, Refunds: []Refund{},
		Version: p.version, CreatedAt: p.createdAt, UpdatedAt: p.updatedAt,
	}
	for _, r := range refunds {
		out.Refunds = append(out.Refunds, r.response(p.amount.Currency))
	}
	return out
}
