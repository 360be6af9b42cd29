package pricing

import (
	"cmp"
	"slices"
)

// Rate is a share in millionths: 190,000 is 19 %, and 88,750 is 8.875 %. Valid rates are from 0
// to MaxRate.
type Rate int64

// Rates to build others from, such as 19*Percent.
const (
	Percent Rate = 10_000
	MaxRate Rate = 100 * Percent
)

// TaxRate is the tax on a class of lines, or of shipping, in a country or a region of it.
type TaxRate struct {
	Country string `json:"country" pattern:"^[A-Z]{2}$" patternDescription:"a country code of two capital letters" doc:"ISO 3166-1 alpha-2 code." example:"DE"`                                                                      // ISO 3166-1 alpha-2 code
	Region  string `json:"region,omitempty" maxLength:"100" doc:"As in addresses. Without it: the whole country." example:"Brandenburg"`                                                                                             // "" is the whole country
	Class   string `json:"class,omitempty" maxLength:"32" doc:"The tax class of products and shipping methods. Without it: the standard class, whose rate is also for classes without a rate at the destination." example:"reduced"` // "" is the standard class
	Rate    Rate   `json:"rate" minimum:"0" maximum:"1000000" doc:"Millionths: 190000 is 19 %." example:"190000"`
}

// Charge is what is charged for a line or for shipping, in minor units. Amount and Discount
// include the tax if prices do. Gross is Net + Tax; and Amount − Discount is Gross if prices
// include tax, Net otherwise.
type Charge struct {
	Amount   int64 `json:"amount"` // before discounts
	Discount int64 `json:"discount"`
	TaxRate  Rate  `json:"taxRate"`
	Net      int64 `json:"net"`
	Tax      int64 `json:"tax"`
	Gross    int64 `json:"gross"`
}

// remaining returns what discounts have left of the amount.
func (c *Charge) remaining() int64 { return c.Amount - c.Discount }

// setTax computes the tax on what discounts have left of the amount.
func (c *Charge) setTax(rate Rate, included bool) {
	c.TaxRate = rate
	if included {
		c.Gross = c.remaining()
		c.Tax = share(c.Gross, int64(rate), int64(MaxRate+rate))
		c.Net = c.Gross - c.Tax
		return
	}
	c.Net = c.remaining()
	c.Tax = share(c.Net, int64(rate), int64(MaxRate))
	c.Gross = c.Net + c.Tax
}

// TaxTotal is the sum of what has one tax rate, in minor units.
type TaxTotal struct {
	Rate  Rate  `json:"rate"`
	Net   int64 `json:"net"`
	Tax   int64 `json:"tax"`
	Gross int64 `json:"gross"`
}

// addTax adds to the total of a rate. Totals are sorted by rate.
func addTax(totals []TaxTotal, rate Rate, net, tax int64) []TaxTotal {
	at, found := slices.BinarySearchFunc(totals, rate, func(t TaxTotal, rate Rate) int { return cmp.Compare(t.Rate, rate) })
	if !found {
		totals = slices.Insert(totals, at, TaxTotal{Rate: rate})
	}
	totals[at].Net += net
	totals[at].Tax += tax
	totals[at].Gross += net + tax
	return totals
}

// taxRate returns the rate of a class at a destination. The rate of the destination's region
// precedes that of the country. A class without a rate there has that of the standard class, so
// that a missing entry does not make a line free of tax. Where the standard class has no rate
// either, no tax is charged.
func (s *Settings) taxRate(to Destination, class string) Rate {
	for _, class := range []string{class, ""} {
		var country *TaxRate
		for i := range s.TaxRates {
			switch rate := &s.TaxRates[i]; {
			case rate.Class != class || !to.isIn(rate.Country, rate.Region):
			case rate.Region != "":
				return rate.Rate
			default:
				country = rate
			}
		}
		if country != nil {
			return country.Rate
		}
	}
	return 0
}
