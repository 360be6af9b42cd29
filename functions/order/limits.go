package order

import (
	"context"
	"fmt"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
)

// checkLimits returns a problem if a new order would exceed its customer's limits of open
// orders, or if the customer's account was deleted. It locks the customer until the
// transaction ends, so that concurrent transactions neither exceed the limits together nor
// place an order after the deletion.
func (s *service) checkLimits(ctx context.Context, tx *database.Tx, o Order) error {
	deleted, err := lockCustomer(ctx, tx, o.UserID)
	if err != nil {
		return fmt.Errorf("lock customer %s: %w", o.UserID, err)
	}
	if deleted {
		return accountDeleted()
	}
	open, err := countOpenOrders(ctx, tx, o.UserID)
	if err != nil {
		return fmt.Errorf("count open orders of customer %s: %w", o.UserID, err)
	}
	if open >= s.settings.MaxOpenOrders {
		return api.NewProblem(http.StatusConflict, "too_many_open_orders",
			"You have %d open orders, which is the limit for one customer. Cancel an order, or wait until one is shipped.", open)
	}
	units, err := sumOpenUnits(ctx, tx, o)
	if err != nil {
		return fmt.Errorf("sum the units in open orders of customer %s: %w", o.UserID, err)
	}
	for _, item := range o.Items {
		if sum := units[item.ProductID] + item.Quantity; sum > s.settings.MaxUnitsPerProduct {
			return api.NewProblem(http.StatusConflict, "quantity_limit_reached",
				"With this order you would have %d units of product %s in open orders; the limit is %d. Order fewer, or wait until an order is shipped.",
				sum, item.ProductID, s.settings.MaxUnitsPerProduct)
		}
	}
	return nil
}

// accountDeleted returns the problem for an access token of a deleted account.
func accountDeleted() error {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The account of this access token was deleted. Sign in with another account.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
