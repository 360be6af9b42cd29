package product

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// paymentRequired is the field payment of orders that must be paid.
const paymentRequired = "required"

// unpaidRetention is how long the units of an unpaid order count if its payment or cancellation is
// never published: longer than any order waits for its payment.
const unpaidRetention = 7 * 24 * time.Hour

// sourceProduct identifies a product in the unpaid orders of a source: of a customer or a network.
type sourceProduct struct{ source, product uuid.UUID }

// unpaidUnits are the units of products that are reserved for unpaid orders of sources, and their
// limits. They cost an attacker nothing, so that each source may have a share of a product only.
type unpaidUnits struct {
	units    map[sourceProduct]int64
	share    int64 // percent
	minUnits int64
}

// limitsUnpaid reports whether the units of an order are limited because it must be paid.
func (s settings) limitsUnpaid(order orderPlaced) bool {
	return order.Payment == paymentRequired && s.MaxUnpaidShare < wholeShare
}

// readUnpaid reads the unpaid units of the sources of undecided orders that must be paid. The
// products of the orders are locked, and with them the number of their units that each source has.
func (s *service) readUnpaid(ctx context.Context, tx *database.Tx, messages []function.Message[orderPlaced], undecided map[uuid.UUID]bool) (unpaidUnits, error) {
	unpaid := unpaidUnits{share: s.settings.MaxUnpaidShare, minUnits: s.settings.MinUnpaidUnits}
	sources := map[uuid.UUID]bool{}
	for i := range messages {
		order := &messages[i].Payload
		if !undecided[order.OrderID] || !s.settings.limitsUnpaid(*order) {
			continue
		}
		for _, source := range order.Sources {
			sources[source] = true
		}
	}
	if len(sources) == 0 {
		return unpaid, nil
	}
	var err error
	ids := database.SortedIDs(maps.Keys(sources))
	if unpaid.units, err = sumUnpaidUnits(ctx, tx, ids); err != nil {
		return unpaid, fmt.Errorf("sum the unpaid units of %d sources from %s: %w", len(ids), ids[0], err)
	}
	return unpaid, nil
}

// allow reports whether the sources of an order may have an item that is not paid. A source may
// have a share of the units that it has or that are available, and at least one. While it has none,
// it may have minUnits, so that a customer can order the last units of a product.
func (u unpaidUnits) allow(order orderPlaced, item placedItem, available int64) bool {
	if u.units == nil || order.Payment != paymentRequired {
		return true
	}
	for _, source := range order.Sources {
		units := u.units[sourceProduct{source, item.ProductID}]
		limit := ((units+available)*u.share + wholeShare - 1) / wholeShare
		if units == 0 {
			limit = max(limit, u.minUnits)
		}
		if units+item.Quantity > limit {
			return false
		}
	}
	return true
}

// add adds the units of a reserved item to those of its sources. It returns the rows to store.
func (u unpaidUnits) add(order orderPlaced, item placedItem) []unpaidItem {
	if u.units == nil || order.Payment != paymentRequired {
		return nil
	}
	var rows []unpaidItem
	for _, source := range order.Sources {
		u.units[sourceProduct{source, item.ProductID}] += item.Quantity
		rows = append(rows, unpaidItem{source, reservedItem{order.OrderID, item}})
	}
	return rows
}

// pruneUnpaidItems deletes the units of orders whose payment or cancellation was never published.
func (s *service) pruneUnpaidItems(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneUnpaidItemsSQL, s.Now().Add(-unpaidRetention)); err != nil {
		return fmt.Errorf("prune unpaid items: %w", err)
	}
	return nil
}
