package order

import (
	"context"
	"fmt"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
)

// checkLimits returns a problem if the customer would exceed the limits of open orders
// with this order, or if the customer's account was deleted. It locks the customer
// until the transaction ends, so that concurrent orders are counted one after the other
// and none is placed after the deletion.
func (s *service) checkLimits(ctx context.Context, tx *database.Tx, o Order) error {
	deleted, err := lockCustomer(ctx, tx, o.UserID)
	if err != nil {
		return fmt.Errorf("lock customer %s: %w", o.UserID, err)
	}
	if deleted {
		return accountDeleted()
	}
	open, err := countOpen(ctx, tx, o.UserID)
	if err != nil {
		return fmt.Errorf("count open orders of customer %s: %w", o.UserID, err)
	}
	if open >= s.settings.MaxOpen {
		return api.NewProblem(http.StatusConflict, "too_many_open_orders",
			"You have %d open orders, which is the limit for one customer. Cancel an order, or wait until one is shipped.", open)
	}
	pieces, err := sumOpenPieces(ctx, tx, o)
	if err != nil {
		return fmt.Errorf("sum open orders of customer %s: %w", o.UserID, err)
	}
	for _, item := range o.Items {
		if sum := pieces[item.ProductID] + item.Quantity; sum > s.settings.MaxPieces {
			return api.NewProblem(http.StatusConflict, "quantity_limit_reached",
				"With this order you would have %d pieces of product %s in open orders; the limit is %d. Order fewer, or wait until an order is shipped.",
				sum, item.ProductID, s.settings.MaxPieces)
		}
	}
	return nil
}

// accountDeleted returns the problem of an access token whose account was deleted.
func accountDeleted() error {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The account of this access token was deleted. Sign in with another account.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
