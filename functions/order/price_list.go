package order

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/pricing"
)

// priceList is what the prices of some carts depend on.
type priceList struct {
	at       time.Time
	catalog  map[uuid.UUID]catalogEntry
	settings pricing.Settings // without discounts
	// discounts are the automatic ones in the order of their ids, then those with codes of the
	// carts.
	discounts []pricing.Discount
	uses      discountUses
}

// readPrices reads what the prices of carts depend on, except the uses of discounts. Without
// discount codes this is one statement, as long as the settings do not change: it also reads the
// revision of the settings, by which the instance knows whether its copy is current.
func (s *service) readPrices(ctx context.Context, q database.Queryer, carts ...*cart) (*priceList, error) {
	products, codes := map[uuid.UUID]bool{}, map[string]bool{}
	for _, c := range carts {
		for _, item := range c.items {
			products[item.ProductID] = true
		}
		for _, code := range c.codes {
			codes[pricing.FoldCode(code)] = true
		}
	}
	catalog, revision, err := selectCatalog(ctx, q, database.SortedIDs(maps.Keys(products)))
	if err != nil {
		return nil, err
	}
	rules, err := s.rules.at(ctx, q, revision)
	if err != nil {
		return nil, err
	}
	p := &priceList{at: s.Now(), catalog: catalog, settings: rules.settings, discounts: slices.Clone(rules.automatic)}
	if len(codes) == 0 {
		return p, nil
	}
	coded, err := selectDiscountsByCode(ctx, q, slices.Sorted(maps.Keys(codes)))
	if err != nil {
		return nil, err
	}
	for i := range coded {
		p.discounts = append(p.discounts, coded[i].rule())
	}
	return p, nil
}

// lockMode is whether rows are locked until the end of the transaction.
type lockMode bool

const (
	notLocked lockMode = false
	locked    lockMode = true
)

// readUses reads how often the discounts that apply to carts were used, in total and by their
// customers. If it locks them, orders that use the same discounts are placed one after the other:
// a quote that says a use is left is then true until the end of the transaction.
func (p *priceList) readUses(ctx context.Context, q database.Queryer, lock lockMode, carts ...*cart) error {
	ids := p.applicable(carts)
	if len(ids) == 0 {
		return nil
	}
	current, err := selectDiscountsByID(ctx, q, ids, lock)
	if err != nil {
		return err
	}
	customers := map[uuid.UUID]bool{}
	for _, c := range carts {
		customers[c.customer] = true
	}
	p.uses = discountUses{total: map[uuid.UUID]int64{}}
	byID := map[string]*Discount{}
	var limited []uuid.UUID // by customer
	for i := range current {
		d := &current[i]
		byID[d.ID.String()] = d
		p.uses.total[d.ID] = d.Uses
		if d.MaxUsesPerCustomer > 0 {
			limited = append(limited, d.ID)
		}
	}
	// The rules may have been changed, or the discount deleted, since they were read.
	p.discounts = slices.DeleteFunc(p.discounts, func(d pricing.Discount) bool {
		return byID[d.ID] == nil && slices.ContainsFunc(ids, func(id uuid.UUID) bool { return id.String() == d.ID })
	})
	for i := range p.discounts {
		if d := byID[p.discounts[i].ID]; d != nil {
			p.discounts[i] = d.rule()
		}
	}
	if len(limited) == 0 {
		return nil
	}
	p.uses.byCustomer, err = countDiscountUses(ctx, q, database.SortedIDs(maps.Keys(customers)), limited)
	return err
}

// applicable returns the ids of the discounts that may apply to carts, in ascending order.
func (p *priceList) applicable(carts []*cart) []uuid.UUID {
	ids := map[uuid.UUID]bool{}
	for _, c := range carts {
		in := p.cart(c)
		for i := range p.discounts {
			if d := &p.discounts[i]; d.IsApplicable(&in) {
				ids[uuid.MustParse(d.ID)] = true
			}
		}
	}
	return database.SortedIDs(maps.Keys(ids))
}

// discountUses are how often discounts were used.
type discountUses struct {
	total      map[uuid.UUID]int64
	byCustomer map[customerDiscount]int64
}

// customerDiscount identifies the uses of a discount by a customer.
type customerDiscount struct{ customer, discount uuid.UUID }

// of returns the uses that matter for a cart of a customer.
func (u *discountUses) of(customer uuid.UUID) map[string]pricing.Uses {
	uses := map[string]pricing.Uses{}
	for id, total := range u.total {
		uses[id.String()] = pricing.Uses{Total: total, Customer: u.byCustomer[customerDiscount{customer, id}]}
	}
	return uses
}

// add counts the uses of an order of a customer.
func (u *discountUses) add(customer uuid.UUID, used []uuid.UUID) {
	for _, id := range used {
		u.total[id]++
		if u.byCustomer == nil {
			u.byCustomer = map[customerDiscount]int64{}
		}
		u.byCustomer[customerDiscount{customer, id}]++
	}
}

// usedDiscounts returns the ids of the discounts that take something off a quote, in ascending
// order. Others are not counted.
func usedDiscounts(quote *pricing.Quote) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for i := range quote.Discounts {
		if quote.Discounts[i].Amount == 0 {
			continue
		}
		id, err := uuid.Parse(quote.Discounts[i].ID)
		if err != nil {
			return nil, fmt.Errorf("discount %q of a quote: %w", quote.Discounts[i].ID, err)
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, database.CompareIDs)
	return ids, nil
}
