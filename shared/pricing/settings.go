package pricing

import (
	"errors"
	"fmt"
	"regexp"

	"souk/shared/api"
	"souk/shared/money"
)

// ErrSettings is the error for settings for which Settings.Check returns errors.
var ErrSettings = errors.New("invalid settings")

// Settings are the shop's rules for prices. Amounts are minor units of the currency.
type Settings struct {
	Currency string `json:"currency"` // ISO 4217 code
	// PricesIncludeTax is whether the prices of products and shipping, the bounds and the
	// amounts of discounts include tax.
	PricesIncludeTax bool      `json:"pricesIncludeTax"`
	TaxRates         []TaxRate `json:"taxRates,omitempty"`
	Zones            []Zone    `json:"zones,omitempty"`
	// Discounts may be a selection: the automatic ones, in the order of their use, and those
	// with the codes of the cart.
	Discounts []Discount `json:"discounts,omitempty"`
}

// countryPattern is the form of an ISO 3166-1 alpha-2 code.
var countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)

// Check returns an error for each invalid setting. Locations are paths in lowerCamelCase, such
// as zones[0].methods[1].tiers.
func (s *Settings) Check() []api.FieldError {
	var c checker
	if err := money.CheckCurrency(s.Currency); err != nil {
		c.require(false, api.FieldFormat, err.Error(), "currency")
	}
	c.checkRules(s)
	return c.errs
}

// checkRules checks everything but the currency, which may have been withdrawn since the settings
// were stored.
func (c *checker) checkRules(s *Settings) {
	c.checkTaxRates(s.TaxRates)
	for i := range s.Zones {
		c.checkZone(i, &s.Zones[i])
	}
	c.checkDiscounts(s.Discounts)
}

// checker collects the errors of settings.
type checker struct{ errs []api.FieldError }

// require adds an error unless a rule is fulfilled. The location is a format with arguments.
func (c *checker) require(fulfilled bool, code, message, location string, args ...any) {
	if !fulfilled {
		c.errs = append(c.errs, api.FieldError{Location: fmt.Sprintf(location, args...), Code: code, Message: message})
	}
}

// amount requires an amount of at least a minimum and at most money.Max.
func (c *checker) amount(amount, minimum int64, location string, args ...any) {
	if amount < minimum || amount > money.Max {
		c.require(false, api.FieldRange, fmt.Sprintf("must be %d to %d", minimum, int64(money.Max)), location, args...)
	}
}

// rate requires a rate of at least a minimum and at most MaxRate.
func (c *checker) rate(rate, minimum Rate, location string, args ...any) {
	if rate < minimum || rate > MaxRate {
		c.require(false, api.FieldRange, fmt.Sprintf("must be %d to %d millionths", minimum, MaxRate), location, args...)
	}
}

func (c *checker) checkTaxRates(rates []TaxRate) {
	seen := map[TaxRate]bool{}
	for i, rate := range rates {
		c.require(countryPattern.MatchString(rate.Country), api.FieldFormat, "must be a country code of two capital letters", "taxRates[%d].country", i)
		c.rate(rate.Rate, 0, "taxRates[%d].rate", i)
		key := TaxRate{Country: rate.Country, Region: fold(rate.Region), Class: rate.Class}
		c.require(!seen[key], api.FieldDuplicate, "is a duplicate: the country, the region and the class are those of another rate", "taxRates[%d]", i)
		seen[key] = true
	}
}

func (c *checker) checkZone(i int, zone *Zone) {
	c.require(len(zone.Areas) > 0, api.FieldRequired, "needs an area", "zones[%d].areas", i)
	for j, area := range zone.Areas {
		switch {
		case area.Country != "":
			c.require(countryPattern.MatchString(area.Country), api.FieldFormat, "must be a country code of two capital letters", "zones[%d].areas[%d].country", i, j)
		default:
			c.require(area.Region == "" && area.PostalPrefix == "", api.FieldRequired, "is required with a region or a postal-code prefix", "zones[%d].areas[%d].country", i, j)
		}
	}
	ids := map[string]bool{}
	for j := range zone.Methods {
		method := &zone.Methods[j]
		c.require(method.ID != "", api.FieldRequired, "is required", "zones[%d].methods[%d].id", i, j)
		c.require(!ids[method.ID], api.FieldDuplicate, "is the id of another method of the zone", "zones[%d].methods[%d].id", i, j)
		ids[method.ID] = true
		c.checkMethod(fmt.Sprintf("zones[%d].methods[%d]", i, j), method)
	}
}

func (c *checker) checkMethod(location string, method *Method) {
	c.amount(method.FreeFrom, 0, "%s.freeFrom", location)
	switch method.Basis {
	case Flat:
		c.require(len(method.Tiers) == 1 && method.Tiers[0].UpTo == 0, api.FieldValue, "must be one tier without a bound for a flat price", "%s.tiers", location)
	case ByTotal, ByWeight:
		c.require(len(method.Tiers) > 0, api.FieldRequired, "needs a tier", "%s.tiers", location)
	default:
		c.require(false, api.FieldValue, "must be flat, total or weight", "%s.basis", location)
	}
	for i, tier := range method.Tiers {
		c.amount(tier.Price, 0, "%s.tiers[%d].price", location, i)
		c.amount(tier.UpTo, 0, "%s.tiers[%d].upTo", location, i)
		last := i == len(method.Tiers)-1
		c.require(tier.UpTo != 0 || last, api.FieldValue, "must be above 0, except in the last tier", "%s.tiers[%d].upTo", location, i)
		c.require(i == 0 || tier.UpTo == 0 || tier.UpTo > method.Tiers[i-1].UpTo, api.FieldValue, "must be above that of the tier before", "%s.tiers[%d].upTo", location, i)
	}
}

func (c *checker) checkDiscounts(discounts []Discount) {
	ids, codes := map[string]bool{}, map[string]bool{}
	for i := range discounts {
		d := &discounts[i]
		c.require(d.ID != "", api.FieldRequired, "is required", "discounts[%d].id", i)
		c.require(!ids[d.ID], api.FieldDuplicate, "is the id of another discount", "discounts[%d].id", i)
		ids[d.ID] = true
		if code := fold(d.Code); d.Code != "" {
			c.require(code != "", api.FieldBlank, "must have a visible character", "discounts[%d].code", i)
			c.require(!codes[code], api.FieldDuplicate, "is the code of another discount", "discounts[%d].code", i)
			codes[code] = true
		}
		switch d.Kind {
		case PercentOff:
			c.rate(d.Rate, 1, "discounts[%d].rate", i)
		case AmountOff:
			c.amount(d.Amount, 1, "discounts[%d].amount", i)
		case FreeShipping:
		default:
			c.require(false, api.FieldValue, "must be percentage, amount or free_shipping", "discounts[%d].kind", i)
		}
		c.amount(d.MinimumTotal, 0, "discounts[%d].minimumTotal", i)
		c.amount(d.MaxUses, 0, "discounts[%d].maxUses", i)
		c.amount(d.MaxUsesPerCustomer, 0, "discounts[%d].maxUsesPerCustomer", i)
		c.require(d.From.IsZero() || d.Until.IsZero() || d.From.Before(d.Until), api.FieldValue, "must be after from", "discounts[%d].until", i)
	}
}
