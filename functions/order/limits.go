package order

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// openOrders describes the open orders of the customers of new orders.
type openOrders struct {
	deleted map[uuid.UUID]bool // accounts, by customer
	count   map[uuid.UUID]int64
	units   map[customerProduct]int64
	unpaid  unpaidOrders
	codes   *networkLimit // of refused discount codes
}

// lockOpenOrdersOf reads the open orders of the customers of new orders. It locks the customers
// until the transaction ends, so that concurrent transactions neither exceed the limits together
// nor place an order after the deletion of an account.
func lockOpenOrdersOf(ctx context.Context, tx *database.Tx, orders []*Order) (open openOrders, err error) {
	customers, mailboxes, products := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for _, o := range orders {
		customers[o.customer()] = true
		if o.mailbox != uuid.Nil {
			mailboxes[o.mailbox] = true
		}
		for i := range o.Items {
			products[o.Items[i].ProductID] = true
		}
	}
	ids := database.SortedIDs(maps.Keys(customers))
	if open.deleted, err = lockCustomers(ctx, tx, ids); err != nil {
		return open, err
	}
	if open.count, open.units, err = countOpen(ctx, tx, ids, database.SortedIDs(maps.Keys(products))); err != nil {
		return open, fmt.Errorf("count open orders of %d customers from %s: %w", len(ids), ids[0], err)
	}
	if len(mailboxes) == 0 {
		return open, nil
	}
	return open, open.addGuests(ctx, tx, database.SortedIDs(maps.Keys(mailboxes)), database.SortedIDs(maps.Keys(products)))
}

// addGuests adds the open orders of guests, by their mailboxes.
func (open openOrders) addGuests(ctx context.Context, tx *database.Tx, mailboxes, products []uuid.UUID) error {
	counts, err := countOpenGuestOrders(ctx, tx, mailboxes)
	if err != nil {
		return fmt.Errorf("count open orders of %d guests from %s: %w", len(mailboxes), mailboxes[0], err)
	}
	units, err := sumOpenGuestUnits(ctx, tx, mailboxes, products)
	if err != nil {
		return fmt.Errorf("sum the units in open orders of %d guests from %s: %w", len(mailboxes), mailboxes[0], err)
	}
	maps.Copy(open.count, counts)
	maps.Copy(open.units, units)
	return nil
}

// check returns a problem if a new order would exceed its customer's limits, or if the customer's
// account was deleted.
func (open openOrders) check(o *Order, limits settings) *api.Problem {
	if open.deleted[o.customer()] {
		return accountDeleted()
	}
	if count := open.count[o.customer()]; count >= limits.MaxOpenOrders {
		return api.NewProblem(http.StatusConflict, "too_many_open_orders",
			"You have %d open orders, which is the limit for one customer. Cancel an order, or wait until one is shipped.", count)
	}
	for i := range o.Items {
		item := &o.Items[i]
		if sum := open.units[customerProduct{o.customer(), item.ProductID}] + item.Quantity; sum > limits.MaxUnitsPerProduct {
			return api.NewProblem(http.StatusConflict, "quantity_limit_reached",
				"With this order you would have %d units of product %s in open orders; the limit is %d. Order fewer, or wait until an order is shipped.",
				sum, item.ProductID, limits.MaxUnitsPerProduct)
		}
	}
	return nil
}

// add adds a new order.
func (open openOrders) add(o *Order) {
	open.count[o.customer()]++
	for i := range o.Items {
		open.units[customerProduct{o.customer(), o.Items[i].ProductID}] += o.Items[i].Quantity
	}
}

// accountDeleted returns the problem for an access token of a deleted account.
func accountDeleted() *api.Problem {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The account of this access token was deleted. Sign in with another account.").
		WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
