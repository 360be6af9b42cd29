package invoice

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/money"
	"souk/shared/pricing"
)

// Order is what a document needs to know about an order.
type Order struct {
	ID              uuid.UUID
	PlacedAt        time.Time
	Name, Email     string
	BillingAddress  *address.PostalAddress
	ShippingAddress *address.PostalAddress
	Names           map[string]string // of products, by the id of the quote's line
	Quote           pricing.Quote
}

// New returns the invoice of an order. The caller sets its id, number and time.
func New(order Order, seller Seller, payment Payment) Document {
	q := &order.Quote
	in := currency(q.Currency)
	doc := newDocument(Invoice, order, seller, payment)
	for i := range q.Lines {
		line := in.line(order.description(q.Lines[i].ID), q.Lines[i].Charge)
		line.Quantity, line.UnitPrice = q.Lines[i].Quantity, in.money(q.Lines[i].UnitPrice)
		doc.Lines = append(doc.Lines, line)
	}
	if s := &q.Shipping; s.Problem == "" && (s.Method != "" || s.Amount != 0) {
		line := in.line(shippingName(s), s.Charge)
		line.Quantity, line.UnitPrice = 1, in.money(s.Amount)
		doc.Lines = append(doc.Lines, line)
	}
	for _, discount := range q.Discounts {
		if discount.Amount != 0 {
			doc.Discounts = append(doc.Discounts, Discount{Name: discount.Name, Code: discount.Code, Amount: in.money(discount.Amount)})
		}
	}
	doc.setTaxes(in, q.Taxes, q.Total, q.Tax)
	return doc
}

// NewCreditNote returns the credit note for a refund of an order. The caller sets its id, number
// and time.
func NewCreditNote(order Order, refund pricing.Refund, seller Seller, payment Payment, corrects Reference) Document {
	in := currency(order.Quote.Currency)
	doc := newDocument(CreditNote, order, seller, payment)
	doc.Corrects = &corrects
	for _, part := range refund.Parts {
		description := shippingName(&order.Quote.Shipping)
		if part.LineID != "" {
			description = order.description(part.LineID)
		}
		line := in.line(description, pricing.Charge{TaxRate: part.TaxRate, Net: part.Amount - part.Tax, Tax: part.Tax, Gross: part.Amount})
		line.Quantity = part.Quantity
		doc.Lines = append(doc.Lines, line)
	}
	doc.setTaxes(in, refund.Taxes, refund.Amount, refund.Tax)
	return doc
}

func newDocument(kind Kind, order Order, seller Seller, payment Payment) Document {
	doc := Document{
		Kind: kind, OrderID: order.ID, OrderedAt: order.PlacedAt, Seller: seller, Payment: payment,
		PricesIncludeTax: order.Quote.PricesIncludeTax, Lines: []Line{}, Taxes: []Tax{},
		Buyer: Buyer{Name: order.Name, Email: order.Email, Address: cmp.Or(order.BillingAddress, order.ShippingAddress)},
	}
	if doc.Buyer.Name == "" && doc.Buyer.Address != nil {
		doc.Buyer.Name = doc.Buyer.Address.Name
	}
	if a := order.ShippingAddress; a != nil && *a != *doc.Buyer.Address {
		doc.ShippingAddress = a
	}
	return doc
}

// setTaxes sets the sums of a document.
func (doc *Document) setTaxes(in currency, taxes []pricing.TaxTotal, total, tax int64) {
	for _, t := range taxes {
		doc.Taxes = append(doc.Taxes, Tax{Rate: formatRate(t.Rate), Net: in.money(t.Net), Tax: in.money(t.Tax), Gross: in.money(t.Gross)})
	}
	doc.Net, doc.Tax, doc.Total = in.money(total-tax), in.money(tax), in.money(total)
}

// description returns the name of a line's product.
func (o *Order) description(lineID string) string { return cmp.Or(o.Names[lineID], lineID) }

func shippingName(s *pricing.Shipping) string {
	if s.Name == "" {
		return "Shipping"
	}
	return "Shipping: " + s.Name
}

// currency makes amounts of minor units.
type currency string

func (c currency) money(amount int64) money.Money {
	return money.Money{Amount: amount, Currency: string(c)}
}

func (c currency) line(description string, charge pricing.Charge) Line {
	line := Line{
		Description: description, TaxRate: formatRate(charge.TaxRate),
		Net: c.money(charge.Net), Tax: c.money(charge.Tax), Gross: c.money(charge.Gross),
	}
	if charge.Discount != 0 {
		line.Discount = c.money(charge.Discount)
	}
	return line
}

// formatRate returns a rate in percent, without zeros at the end of decimals.
func formatRate(rate pricing.Rate) string {
	text := strconv.FormatInt(int64(rate/pricing.Percent), 10)
	if decimals := rate % pricing.Percent; decimals != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%04d", decimals), "0")
	}
	return text
}
