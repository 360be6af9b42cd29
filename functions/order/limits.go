package order

import (
	"context"
	"fmt"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
)

// checkLimits refuses an order with which its customer would have more open than
// one customer may. It holds the customer until the transaction ends, so that of
// orders placed at once each counts those before it, and none comes after the
// customer's account was deleted.
func (s *service) checkLimits(ctx context.Context, tx *database.Tx, o Order) error {
	deleted, err := lockCustomer(ctx, tx, o.UserID)
	if err != nil {
		return fmt.Errorf("lock customer %s: %w", o.UserID, err)
	}
	if deleted {
		return accountGone()
	}
	open, err := countOpen(ctx, tx, o.UserID)
	if err != nil {
		return fmt.Errorf("count the open orders of customer %s: %w", o.UserID, err)
	}
	if open >= s.settings.MaxOpen {
		return api.NewProblem(http.StatusConflict, "too_many_open_orders",
			"You have %d open orders, which is as many as one customer may have. Cancel one, or wait until one is shipped.", open)
	}
	pieces, err := sumOpenPieces(ctx, tx, o)
	if err != nil {
		return fmt.Errorf("add up the open orders of customer %s: %w", o.UserID, err)
	}
	for _, item := range o.Items {
		if had := pieces[item.ProductID]; had+item.Quantity > s.settings.MaxPieces {
			return api.NewProblem(http.StatusConflict, "quantity_limit_reached",
				"With this order you would have %d pieces of product %s in open orders; one customer may have %d.",
				had+item.Quantity, item.ProductID, s.settings.MaxPieces)
		}
	}
	return nil
}

// accountGone is the answer to a token that outlived its account.
func accountGone() error {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The account of this token is no more.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
