package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/functions/order/internal/number"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/pricing"
)

// placement is an order that is to be placed for a cart. Its order is complete, and its problem
// set, after placeOrders.
type placement struct {
	cart    cart
	order   *Order
	context context.Context //nolint:containedctx // of the request, for the order's event
	// accept returns a problem if the customer did not agree to the price; nil agrees to any.
	accept func(*pricing.Quote) *api.Problem
	// entered are the discount codes that the request has, unless a checkout has counted them before.
	entered map[string]bool
	problem *api.Problem // the reason for which the order is not placed; nil if it is
}

// newPlacement returns the placement of a new order of an account for a cart.
func newPlacement(ctx context.Context, userID uuid.UUID, c cart, now time.Time) (*placement, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create an order id: %w", err)
	}
	o := &Order{
		ID: id, Number: number.Format(number.New()), UserID: userID, Status: Pending, ShippingAddress: c.address,
		History: []HistoryEntry{{Status: Pending, At: now, Actor: Customer, actorID: userID}}, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	return &placement{cart: c, order: o, context: ctx}, nil
}

// placeOrders places the orders of placements, with the effects as if they were placed one after
// the other, or sets their problems.
func (s *service) placeOrders(ctx context.Context, tx *database.Tx, placements []*placement) error {
	prices, err := s.readPrices(ctx, tx, cartsOf(placements)...)
	if err != nil {
		return err
	}
	priced, err := withItems(prices, placements)
	if err != nil || len(priced) == 0 {
		return err
	}
	open, err := lockOpenOrdersOf(ctx, tx, ordersOf(priced))
	if err != nil {
		return err
	}
	if open.unpaid, err = s.lockUnpaidOrders(ctx, tx, priced); err != nil {
		return err
	}
	if err := prices.readUses(ctx, tx, locked, cartsOf(priced)...); err != nil {
		return err
	}
	if open.codes, err = s.lockRefusedCodes(ctx, tx, prices, priced); err != nil {
		return err
	}
	placed, uses, err := s.decidePlacements(prices, open, priced)
	if err != nil {
		return err
	}
	if err := open.codes.store(ctx, tx); err != nil || len(placed) == 0 {
		return err
	}
	if err := s.insertPlaced(ctx, tx, placed, uses); err != nil {
		return fmt.Errorf("place %d orders from %s: %w", len(placed), placed[0].order.ID, err)
	}
	return nil
}

// withItems sets the items of orders and returns the placements that have no problem.
func withItems(prices *priceList, placements []*placement) (without []*placement, err error) {
	for _, p := range placements {
		items, err := prices.items(&p.cart)
		if problem, refused := errors.AsType[*api.Problem](err); refused {
			p.problem = problem
			continue
		}
		if err != nil {
			return nil, err
		}
		p.order.Items = items
		without = append(without, p)
	}
	return without, nil
}

// decidePlacements sets the prices of orders one after the other, and returns those that can be
// placed, with their uses of discounts. Customers and discounts are locked.
func (s *service) decidePlacements(prices *priceList, open openOrders, placements []*placement) (placed []*placement, uses []discountUse, err error) {
	for _, p := range placements {
		used, err := s.decidePlacement(prices, open, p)
		if problem, refused := errors.AsType[*api.Problem](err); refused {
			p.problem = problem
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if len(used) > 0 {
			prices.uses.add(p.cart.customer, used)
			uses = append(uses, discountUse{order: p.order.ID, customer: p.cart.customer, discounts: used})
		}
		open.add(p.order)
		placed = append(placed, p)
	}
	return placed, uses, nil
}

// decidePlacement sets the prices of an order and returns the discounts that it uses. The error is
// a problem if the order cannot be placed.
func (s *service) decidePlacement(prices *priceList, open openOrders, p *placement) (used []uuid.UUID, err error) {
	if problem := open.check(p.order, s.settings); problem != nil {
		return nil, problem
	}
	network := networkID(p.context)
	if problem := open.codes.check(p.context, network, len(p.entered)); problem != nil {
		return nil, problem
	}
	quote, err := prices.quote(&p.cart)
	if err != nil {
		return nil, err
	}
	open.codes.spend(network, countRefused(p.entered, &quote))
	if problem := prices.orderable(&p.cart, &quote); problem != nil {
		return nil, problem
	}
	if p.accept != nil {
		if problem := p.accept(&quote); problem != nil {
			return nil, problem
		}
	}
	s.setPrice(p.order, &quote, prices.isPlain(&quote))
	if problem := open.unpaid.add(p.context, p.order, s.settings); problem != nil {
		return nil, problem
	}
	return usedDiscounts(&quote)
}

// insertPlaced stores placed orders, their uses of discounts and their events.
func (s *service) insertPlaced(ctx context.Context, tx *database.Tx, placed []*placement, uses []discountUse) error {
	if err := insertOrders(ctx, tx, placed); err != nil {
		return err
	}
	if err := insertDiscountUses(ctx, tx, uses); err != nil {
		return err
	}
	if err := insertUnpaidOrders(ctx, tx, placed); err != nil {
		return err
	}
	events := make([]event.AddParams[Placed], len(placed))
	for i, p := range placed {
		events[i] = event.AddParams[Placed]{AggregateID: p.order.ID, Payload: newPlaced(p.context, p.order), Context: p.context}
	}
	if err := orderPlaced.AddBatch(ctx, tx, s.Outbox, events...); err != nil {
		return err
	}
	// A metric in terraform/synthetic.tf counts this log entry.
	tx.AfterCommit(func(context.Context) {
		for _, p := range placed {
			slog.InfoContext(p.context, "order placed", "order", p.order.ID, "synthetic", s.settings.isSynthetic(p.order.UserID))
		}
	})
	return nil
}

// lockRefusedCodes returns the limit of refused codes for the networks of placements whose codes are refused, and
// for those with few attempts. A code that only an order of the same batch uses up is refused without being
// counted: it is not a guess.
func (s *service) lockRefusedCodes(ctx context.Context, tx *database.Tx, prices *priceList, placements []*placement) (*networkLimit, error) {
	var networks, refused []uuid.UUID
	for _, p := range placements {
		if len(p.entered) == 0 {
			continue
		}
		networks = append(networks, networkID(p.context))
		quote, err := prices.quote(&p.cart)
		if _, isProblem := errors.AsType[*api.Problem](err); isProblem {
			continue // the problem of its placement
		}
		if err != nil {
			return nil, err
		}
		if countRefused(p.entered, &quote) > 0 {
			refused = append(refused, networkID(p.context))
		}
	}
	few, err := s.networksWithFewCodes(ctx, tx, networks...)
	if err != nil {
		return nil, err
	}
	return s.lockNetworkLimit(ctx, tx, s.settings.refusedCodes(), append(few, refused...)...)
}

func ordersOf(placements []*placement) []*Order {
	orders := make([]*Order, len(placements))
	for i, p := range placements {
		orders[i] = p.order
	}
	return orders
}

func cartsOf(placements []*placement) []*cart {
	carts := make([]*cart, len(placements))
	for i, p := range placements {
		carts[i] = &p.cart
	}
	return carts
}
