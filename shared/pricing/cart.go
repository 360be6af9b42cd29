package pricing

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"souk/shared/money"
)

// ErrCart is the error for a cart that has no valid form: a line without an id or with the id of
// another, a quantity below 1, a negative price or weight.
var ErrCart = errors.New("invalid cart")

// Cart is what a customer wants to buy, with everything that the price depends on. Amounts
// are minor units of its currency.
type Cart struct {
	Currency    string // of the prices, an ISO 4217 code
	Lines       []CartLine
	Destination Destination
	// ShippingMethod is the id of the chosen method, "" if none is chosen yet.
	ShippingMethod string
	// Codes are the discount codes that the customer entered. Case, and spaces around them,
	// do not matter; a code that is entered twice counts once.
	Codes []string
	// Guest is set for a customer without an account, whose uses are not known: discounts with a limit by
	// customer do not apply.
	Guest bool
	// Uses has how often discounts were used before, by their id. A discount without an entry
	// was not used.
	Uses map[string]Uses
	Time time.Time // of the quote, for the periods of discounts
}

// CartLine is a quantity of something at one price.
type CartLine struct {
	// ID identifies the line within the cart. It decides which of otherwise equal lines gets a
	// minor unit that cannot be divided, so it should not change when lines are reordered; and
	// discounts may be restricted to lines by their ids. An order uses the ids of its products.
	ID        string
	Category  string // "" is none
	TaxClass  string // "" is the standard class
	UnitPrice int64  // minor units, with or without tax as Settings.PricesIncludeTax says
	Quantity  int64  // 1 or more
	Weight    int64  // of one unit, grams
}

// Destination is the part of the shipping address on which tax and shipping depend. Case is
// ignored, and in postal codes also spaces and hyphens.
type Destination struct {
	Country    string // ISO 3166-1 alpha-2 code; "" while the address is unknown
	Region     string
	PostalCode string
}

// Uses is how often a discount was used before.
type Uses struct {
	Total    int64
	Customer int64 // by the customer of the cart
}

// check returns an error unless the cart can be priced in the currency of the settings.
func (c *Cart) check(currency string) error {
	if c.Currency != currency {
		return fmt.Errorf("cart in %s, settings in %s: %w", c.Currency, currency, money.ErrCurrency)
	}
	ids := make(map[string]bool, len(c.Lines))
	for i := range c.Lines {
		line := &c.Lines[i]
		if line.ID == "" || ids[line.ID] {
			return fmt.Errorf("line %d: id %q is empty or a duplicate: %w", i, line.ID, ErrCart)
		}
		ids[line.ID] = true
		if line.Quantity < 1 || line.UnitPrice < 0 || line.Weight < 0 {
			return fmt.Errorf("line %s: quantity %d, unit price %d, weight %d: %w", line.ID, line.Quantity, line.UnitPrice, line.Weight, ErrCart)
		}
	}
	return nil
}

// weight returns the weight of all lines in grams.
func (c *Cart) weight() (int64, error) {
	var sum int64
	for i := range c.Lines {
		weight, err := times(c.Lines[i].Weight, c.Lines[i].Quantity)
		if err == nil {
			sum, err = plus(sum, weight)
		}
		if err != nil {
			return 0, fmt.Errorf("weight of line %s: %w", c.Lines[i].ID, err)
		}
	}
	return sum, nil
}

// isIn reports whether the destination is in a country and region, where "" is every one.
func (d Destination) isIn(country, region string) bool {
	return (country == "" || fold(country) == fold(d.Country)) && (region == "" || fold(region) == fold(d.Region))
}

// FoldCode returns the form in which discount codes are compared.
func FoldCode(code string) string { return fold(code) }

// fold returns the form in which names and codes are compared.
func fold(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

var postalSeparators = strings.NewReplacer(" ", "", "-", "")

// foldPostalCode returns the form in which postal codes and their prefixes are compared.
func foldPostalCode(s string) string { return postalSeparators.Replace(fold(s)) }
