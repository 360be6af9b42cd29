package order

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/money"
	"souk/shared/pricing"
)

// cart is what a customer wants to order, with everything on which its price depends.
type cart struct {
	customer       uuid.UUID // whose uses of discounts are counted
	guest          bool      // discounts with a limit by customer do not apply
	items          []placeItem
	address        *address.PostalAddress // nil while it is unknown
	shippingMethod string                 // "" while none is chosen
	codes          []string               // of discounts
}

// quoted is a cart with its price.
type quoted struct {
	items []Item // as in the cart
	quote pricing.Quote
	plain bool // see priceList.isPlain
	ships bool // whether the shop charges shipping, so that its problems matter
}

// quote returns the price of a cart as it is now. It locks nothing: another order may use the
// last use of a discount. Discount codes that do not apply and problems with the shipping are
// part of the quote. The error is a problem if the cart has a product that is not for sale, or no
// price.
func (s *service) quote(ctx context.Context, q database.Queryer, c cart) (quoted, error) {
	prices, err := s.readPrices(ctx, q, &c)
	if err != nil {
		return quoted{}, err
	}
	items, err := prices.items(&c)
	if err != nil {
		return quoted{}, err
	}
	if err := prices.readUses(ctx, q, notLocked, &c); err != nil {
		return quoted{}, err
	}
	quote, err := prices.quote(&c)
	return quoted{items, quote, prices.isPlain(&quote), prices.ships()}, err
}

// items returns the items of a cart, with names and prices from the catalogue. The error is a
// problem if a product is not for sale.
func (p *priceList) items(c *cart) ([]Item, error) {
	items := make([]Item, 0, len(c.items))
	var sum money.Money
	for i, in := range c.items {
		entry, found := p.catalog[in.ProductID]
		if !found {
			return nil, productUnknown(in.ProductID)
		}
		if entry.Status != activeProduct {
			return nil, productUnavailable(in.ProductID)
		}
		if i == 0 {
			sum.Currency = entry.Price.Currency
		}
		item, err := newItem(entry, in.Quantity, &sum)
		if err != nil {
			return nil, api.Invalid(fmt.Sprintf("body.items[%d]", i), api.FieldRange, "%v", err)
		}
		items = append(items, item)
	}
	if shop := p.settings.Currency; shop != "" && sum.Currency != shop {
		return nil, api.Invalid("body.items[0]", api.FieldValue, "is sold in %s, but the shop takes orders in %s only", sum.Currency, shop)
	}
	return items, nil
}

// newItem returns an item and adds its price to a sum. The text of its error is part of a response.
func newItem(entry catalogEntry, quantity int64, sum *money.Money) (Item, error) {
	lineTotal, err := entry.Price.Times(quantity)
	if err != nil {
		return Item{}, fmt.Errorf("exceeds the maximum amount: %w", err)
	}
	if *sum, err = sum.Plus(lineTotal); err != nil {
		return Item{}, fmt.Errorf("cannot be in one order with the items before it: %w", err)
	}
	return Item{ProductID: entry.ProductID, SKU: entry.SKU, Name: entry.Name, UnitPrice: entry.Price, Quantity: quantity, LineTotal: lineTotal}, nil
}

// quote returns the price of a cart whose products are for sale. The error is a problem if an
// amount or the weight is too large.
func (p *priceList) quote(c *cart) (pricing.Quote, error) {
	in, settings := p.cart(c), p.settings
	settings.Currency = in.Currency // the shop may have set none
	settings.Discounts = p.discounts
	quote, err := pricing.NewQuote(in, settings)
	if errors.Is(err, money.ErrOverflow) {
		return pricing.Quote{}, api.Invalid("body.items", api.FieldRange, "exceed the maximum amount or weight: %v", err)
	}
	if err != nil {
		return pricing.Quote{}, fmt.Errorf("compute the price of an order: %w", err)
	}
	return quote, nil
}

// cart returns a cart with what its price depends on.
func (p *priceList) cart(c *cart) pricing.Cart {
	in := pricing.Cart{ShippingMethod: c.shippingMethod, Codes: c.codes, Guest: c.guest, Time: p.at, Lines: make([]pricing.CartLine, len(c.items))}
	if c.address != nil {
		in.Destination = pricing.Destination{Country: c.address.Country, Region: c.address.Region, PostalCode: c.address.PostalCode}
	}
	for i, item := range c.items {
		product := p.catalog[item.ProductID]
		in.Currency = product.Price.Currency
		in.Lines[i] = pricing.CartLine{
			ID: item.ProductID.String(), Category: product.Category, TaxClass: product.TaxClass,
			UnitPrice: product.Price.Amount, Quantity: item.Quantity, Weight: product.Weight,
		}
	}
	in.Uses = p.uses.of(c.customer)
	return in
}

// isPlain reports whether a quote has neither tax nor a shipping charge nor discounts by the
// rules of the shop, so that it is the sum of the items.
func (p *priceList) isPlain(quote *pricing.Quote) bool {
	return len(p.settings.TaxRates) == 0 && len(p.settings.Zones) == 0 && len(quote.Discounts) == 0
}

// ships reports whether the shop has rules for shipping.
func (p *priceList) ships() bool { return len(p.settings.Zones) > 0 }

// orderable returns the problem for which a cart with a quote cannot be ordered, or nil.
func (p *priceList) orderable(c *cart, quote *pricing.Quote) *api.Problem {
	if len(quote.RefusedCodes) > 0 {
		return codeRefused(c.codes, quote.RefusedCodes)
	}
	if p.ships() && quote.Shipping.Problem != "" {
		return notShippable(&quote.Shipping)
	}
	return nil
}

// productUnavailable returns the problem for a product that is not for sale.
func productUnavailable(id uuid.UUID) *api.Problem {
	return api.NewProblem(http.StatusConflict, "product_unavailable", "Product %s is not for sale. Order without it.", id)
}

// productUnknown returns the problem for a product that is not in this service's copy of
// the catalogue. A new product is copied shortly after its creation.
func productUnknown(id uuid.UUID) *api.Problem {
	problem := productUnavailable(id)
	problem.Detail += " If it was created just now, retry after one second."
	return problem.WithHeader("Retry-After", "1")
}
