package payment

import (
	"souk/functions/payment/invoice"
	"souk/shared/pricing"
)

// forInvoice returns what documents need to know about the order.
func (o *orderCopy) forInvoice() invoice.Order {
	order := invoice.Order{
		ID: o.OrderID, PlacedAt: o.placedAt, Name: o.Name, Email: o.Email,
		BillingAddress: o.BillingAddress, ShippingAddress: o.ShippingAddress, Names: map[string]string{},
	}
	for _, item := range o.Items {
		order.Names[item.ProductID.String()] = item.Name
	}
	if o.Quote != nil {
		order.Quote = *o.Quote
	} else {
		order.Quote = o.untaxedQuote()
	}
	return order
}

// untaxedQuote returns the quote of an order of a shop without taxes, shipping and discounts,
// whose event has none.
func (o *orderCopy) untaxedQuote() pricing.Quote {
	q := pricing.Quote{Currency: o.Total.Currency, PricesIncludeTax: true, Subtotal: o.Total.Amount, Total: o.Total.Amount}
	for _, item := range o.Items {
		amount := item.UnitPrice.Amount * item.Quantity
		q.Lines = append(q.Lines, pricing.Line{
			ID: item.ProductID.String(), UnitPrice: item.UnitPrice.Amount, Quantity: item.Quantity,
			Charge: pricing.Charge{Amount: amount, Net: amount, Gross: amount},
		})
	}
	q.Taxes = []pricing.TaxTotal{{Net: q.Total, Gross: q.Total}}
	return q
}
