package pricing

import (
	"fmt"

	"souk/shared/money"
)

// Quote is the price of a cart. Amounts are minor units of its currency. See the package for the
// formulas. What is shown adds up to the total:
//
//	Total = Subtotal − Discount + Shipping.Amount         if prices include tax
//	Total = Subtotal − Discount + Shipping.Amount + Tax   otherwise
type Quote struct {
	Currency         string `json:"currency"`         // ISO 4217 code
	PricesIncludeTax bool   `json:"pricesIncludeTax"` // whether Subtotal, Discount and each Amount include tax

	Lines        []Line            `json:"lines"` // in the order of the cart
	Shipping     Shipping          `json:"shipping"`
	Discounts    []AppliedDiscount `json:"discounts,omitempty"` // in the order of their use
	RefusedCodes []RefusedCode     `json:"refusedCodes,omitempty"`
	Taxes        []TaxTotal        `json:"taxes,omitempty"` // of lines and shipping, by ascending rate

	Subtotal int64 `json:"subtotal"` // the lines' amounts before discounts
	Discount int64 `json:"discount"` // of lines and shipping
	Tax      int64 `json:"tax"`
	Total    int64 `json:"total"` // what the customer pays, always with tax
}

// NewQuote returns the price of a cart. A discount code that does not apply, or a problem with
// the shipping, is not an error but part of the quote. Errors are ErrCart, ErrSettings,
// money.ErrCurrency if the cart has another currency than the settings, and money.ErrOverflow if
// an amount or the weight exceeds money.Max.
func NewQuote(cart Cart, settings Settings) (Quote, error) {
	var rules checker
	if rules.checkRules(&settings); len(rules.errs) > 0 {
		return Quote{}, fmt.Errorf("%w: %w", ErrSettings, rules.errs[0])
	}
	if err := cart.check(settings.Currency); err != nil {
		return Quote{}, err
	}
	q := Quote{Currency: cart.Currency, PricesIncludeTax: settings.PricesIncludeTax}
	if err := q.addLines(cart.Lines); err != nil {
		return Quote{}, err
	}
	weight, err := cart.weight()
	if err != nil {
		return Quote{}, err
	}
	discounts := q.chooseDiscounts(&cart, settings.Discounts)
	q.discountLines(cart.Lines, discounts)
	shippingClass := q.Shipping.ship(&cart, settings.Zones, q.remaining(), weight)
	q.discountShipping(discounts)
	q.setTaxes(&cart, &settings, shippingClass)
	if err := q.addUp(); err != nil {
		return Quote{}, err
	}
	return q, nil
}

// setTaxes computes the tax of each line and of shipping.
func (q *Quote) setTaxes(cart *Cart, settings *Settings, shippingClass string) {
	for i := range q.Lines {
		q.Lines[i].setTax(settings.taxRate(cart.Destination, cart.Lines[i].TaxClass), q.PricesIncludeTax)
	}
	if q.Shipping.Problem == "" {
		q.Shipping.setTax(settings.taxRate(cart.Destination, shippingClass), q.PricesIncludeTax)
	}
}

// addUp computes the sums. They do not overflow: Subtotal and Shipping.Amount are at most
// money.Max, and a tax is at most the amount that is taxed.
func (q *Quote) addUp() error {
	for _, charge := range q.charges() {
		q.Discount += charge.Discount
		q.Tax += charge.Tax
		q.Total += charge.Gross
		q.Taxes = addTax(q.Taxes, charge.TaxRate, charge.Net, charge.Tax)
	}
	if q.Total > money.Max {
		return fmt.Errorf("total %d: %w", q.Total, money.ErrOverflow)
	}
	return nil
}

// charges returns the charges of the lines and, if there is no problem, of shipping.
func (q *Quote) charges() []*Charge {
	charges := make([]*Charge, 0, len(q.Lines)+1)
	for i := range q.Lines {
		charges = append(charges, &q.Lines[i].Charge)
	}
	if q.Shipping.Problem == "" {
		charges = append(charges, &q.Shipping.Charge)
	}
	return charges
}
