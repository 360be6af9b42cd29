package order

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/money"
	"souk/shared/pricing"
)

type checkoutCompleteInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Version int64       `json:"version" minimum:"1" maximum:"1000000000" doc:"The version of the checkout that the customer agrees to." example:"1"`
		Total   money.Money `json:"total" doc:"The total that the customer agrees to."`
	}
}

// checkoutComplete handles POST /v1/checkouts/{id}/complete.
//
// # Complete a checkout
//
// Places the order of the checkout at the current prices. If its version or total is not what the
// customer has agreed to, the response is 409 checkout_changed with the checkout as it is now, in
// current: show it, and complete it with the new version and total. A checkout has one order: to
// complete it again returns that order. A guest's token is valid for the order, too, until an account
// adopts it.
func (s *service) checkoutComplete(ctx context.Context, tx *database.Tx, in *checkoutCompleteInput) (*orderResponse, error) {
	c, err := s.ownCheckout(ctx, tx, in.ID, locked)
	if err != nil {
		return nil, err
	}
	if c.OrderID != uuid.Nil {
		o, err := selectOrder(ctx, tx, c.OrderID)
		if err != nil {
			return nil, fmt.Errorf("read the order of checkout %s: %w", c.ID, err)
		}
		if o.UserID != c.UserID {
			return nil, api.NotFound("order", c.OrderID) // an account has adopted it, or was deleted
		}
		return newResponse(o), nil
	}
	if c.Version != in.Body.Version {
		return nil, s.checkoutChanged(ctx, tx, &c)
	}
	if errs := c.missing(); len(errs) > 0 {
		problem := api.NewProblem(http.StatusConflict, "checkout_incomplete", "The checkout lacks what an order needs: see errors. Update the checkout.")
		problem.Errors = errs
		return nil, problem
	}
	p, err := s.newCheckoutPlacement(ctx, &c, in.Body.Total)
	if err != nil {
		return nil, err
	}
	if err := s.placeOrders(ctx, tx, []*placement{p}); err != nil {
		return nil, fmt.Errorf("complete checkout %s: %w", c.ID, err)
	}
	if p.problem == errChanged {
		return nil, s.checkoutChanged(ctx, tx, &c)
	}
	if p.problem != nil {
		return nil, p.problem
	}
	if err := completeCheckout(ctx, tx, c.ID, p.order.ID, s.Now()); err != nil {
		return nil, fmt.Errorf("complete checkout %s: %w", c.ID, err)
	}
	return newResponse(*p.order), nil
}

// errChanged is the problem of a placement at another total than the customer has agreed to. The
// response is that of checkoutChanged.
var errChanged = api.NewProblem(http.StatusConflict, codeCheckoutChanged, "The total of the checkout has changed.")

const codeCheckoutChanged = "checkout_changed"

// newCheckoutPlacement returns the placement of the order of a checkout at an agreed total.
func (s *service) newCheckoutPlacement(ctx context.Context, c *checkout, agreed money.Money) (*placement, error) {
	p, err := newPlacement(ctx, c.UserID, c.cart(), s.Now())
	if err != nil {
		return nil, err
	}
	p.order.Contact, p.order.mailbox = c.contact(), c.mailbox()
	p.accept = func(quote *pricing.Quote) *api.Problem {
		if (money.Money{Amount: quote.Total, Currency: quote.Currency}) == agreed {
			return nil // in a currency that may have been withdrawn since
		}
		if err := money.CheckCurrency(agreed.Currency); err != nil {
			return api.Invalid("body.total.currency", api.FieldFormat, "must be a currency of ISO 4217 that is in use")
		}
		return errChanged
	}
	return p, nil
}

// checkoutChanged returns the problem for a checkout that is not as the customer has agreed to. It
// contains the checkout as it is now.
func (s *service) checkoutChanged(ctx context.Context, tx *database.Tx, c *checkout) error {
	now, err := s.showCheckout(ctx, tx, c)
	if err != nil {
		return err
	}
	problem := api.NewProblem(http.StatusConflict, codeCheckoutChanged,
		"The checkout has changed: its version is %d and its total is %s. Show it to the customer, and send the new version and total.", c.Version, now.Body.Total)
	problem.Current = now.Body
	return problem
}
