package order

import (
	"souk/shared/money"
	"souk/shared/pricing"
)

// Prices are what an order costs besides its items.
type Prices struct {
	PricesIncludeTax bool              `json:"pricesIncludeTax" doc:"Whether the amounts before tax, the discounts and the subtotal include tax."`
	Subtotal         money.Money       `json:"subtotal" doc:"The sum of the items before discounts."`
	Discount         money.Money       `json:"discount" doc:"What discounts take off the items and the shipping."`
	Discounts        []AppliedDiscount `json:"discounts" nullable:"false" doc:"The discounts of the order, in the order of their use."`
	Shipping         *Shipping         `json:"shipping,omitempty" doc:"It is absent if the shop charges no shipping."`
	Tax              money.Money       `json:"tax" doc:"The sum of the taxes."`
	Taxes            []Tax             `json:"taxes" nullable:"false" doc:"The taxes by rate. They are the sums of the taxes of items and shipping, each of which is rounded."`
	Total            money.Money       `json:"total" doc:"What the customer pays, with tax: subtotal − discount + shipping.amount, + tax if pricesIncludeTax is false."`
}

// AppliedDiscount is a discount of an order.
type AppliedDiscount struct {
	ID     string      `json:"id" format:"uuid"`
	Name   string      `json:"name" example:"Welcome"`
	Code   string      `json:"code,omitempty" doc:"The code that the customer entered. It is absent for an automatic discount." example:"WELCOME10"`
	Amount money.Money `json:"amount"`
}

// Shipping is the shipping of an order.
type Shipping struct {
	Method   string       `json:"method" example:"standard"`
	Name     string       `json:"name" example:"Parcel, 2 to 3 days"`
	Amount   money.Money  `json:"amount" doc:"Before discounts."`
	Discount money.Money  `json:"discount"`
	TaxRate  pricing.Rate `json:"taxRate" doc:"Millionths: 190000 is 19 %." example:"190000"`
	Tax      money.Money  `json:"tax"`
	Total    money.Money  `json:"total" doc:"With tax."`
}

// Tax is the tax of one rate.
type Tax struct {
	Rate  pricing.Rate `json:"rate" doc:"Millionths: 190000 is 19 %." example:"190000"`
	Net   money.Money  `json:"net"`
	Tax   money.Money  `json:"tax"`
	Gross money.Money  `json:"gross"`
}

// showPrices sets the prices of an order and of its items, which must be loaded, from its quote;
// without a quote, from the items. It also counts the units.
func (o *Order) showPrices() {
	o.ItemCount = 0
	for i := range o.Items {
		o.ItemCount += o.Items[i].Quantity
	}
	if o.quote == nil {
		o.showPlainPrices()
		return
	}
	q := o.quote
	in := func(amount int64) money.Money { return money.Money{Amount: amount, Currency: q.Currency} }
	o.Prices = Prices{
		PricesIncludeTax: q.PricesIncludeTax, Subtotal: in(q.Subtotal), Discount: in(q.Discount),
		Discounts: make([]AppliedDiscount, len(q.Discounts)), Tax: in(q.Tax), Taxes: make([]Tax, len(q.Taxes)), Total: in(q.Total),
	}
	for i, d := range q.Discounts {
		o.Discounts[i] = AppliedDiscount{ID: d.ID, Name: d.Name, Code: d.Code, Amount: in(d.Amount)}
	}
	for i, t := range q.Taxes {
		o.Taxes[i] = Tax{Rate: t.Rate, Net: in(t.Net), Tax: in(t.Tax), Gross: in(t.Gross)}
	}
	if s := &q.Shipping; s.Problem == "" {
		o.Shipping = &Shipping{
			Method: s.Method, Name: s.Name, Amount: in(s.Amount), Discount: in(s.Discount),
			TaxRate: s.TaxRate, Tax: in(s.Tax), Total: in(s.Gross),
		}
	}
	for i := range o.Items {
		if i < len(q.Lines) {
			line := &q.Lines[i]
			o.Items[i].ItemPrices = ItemPrices{Discount: in(line.Discount), TaxRate: line.TaxRate, Tax: in(line.Tax), Total: in(line.Gross)}
		}
	}
}

// showPlainPrices sets the prices of an order without tax, shipping charge and discounts.
func (o *Order) showPlainPrices() {
	nothing := money.Money{Currency: o.Total.Currency}
	o.Prices = Prices{Subtotal: o.Total, Discount: nothing, Discounts: []AppliedDiscount{}, Tax: nothing, Taxes: []Tax{}, Total: o.Total}
	for i := range o.Items {
		item := &o.Items[i]
		item.ItemPrices = ItemPrices{Discount: nothing, Tax: nothing, Total: item.LineTotal}
	}
}

// setPrice sets the price of an order, whether it must be paid, and what it shows of them. The quote
// of an order that is the sum of its items is stored only for its payment.
func (s *service) setPrice(o *Order, quote *pricing.Quote, plain bool) {
	o.Total = money.Money{Amount: quote.Total, Currency: quote.Currency}
	o.Payment = s.settings.payment(o)
	if o.Payment == PaymentRequired || !plain {
		o.quote = quote
	}
	o.showPrices()
}
