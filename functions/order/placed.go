package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/money"
	"souk/shared/pricing"
)

// Placed is the payload of order-placed, which requests a stock reservation for an order. For
// an order that must be paid, it is also what the payment service knows of the order.
type Placed struct {
	OrderID uuid.UUID    `json:"orderId"`
	Number  string       `json:"number,omitempty"` // absent in events of older versions
	UserID  uuid.UUID    `json:"userId"`
	Items   []PlacedItem `json:"items"`
	Total   money.Money  `json:"total"`
	// Quote is the price of the order. It is absent for an order without payment if the shop has
	// neither taxes nor shipping charges nor discounts for it.
	Quote *pricing.Quote `json:"quote,omitempty"`
	// Payment is PaymentRequired, or empty for an order without payment. Then the fields
	// below are absent, too.
	Payment Payment `json:"payment,omitempty"`
	// Sources are ids of where the order comes from: the account or the mailbox of a guest, and
	// the network of the client, if it is known. The stock that unpaid orders of each may hold is limited.
	Sources []uuid.UUID `json:"sources,omitempty"`
	// Email and Name are those of an order's own, which was placed without an account.
	Email           string                 `json:"email,omitempty"`
	Name            string                 `json:"name,omitempty"`
	BillingAddress  *address.PostalAddress `json:"billingAddress,omitempty"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty"`
}

// EventAttributes implements event.Attributed.
func (p Placed) EventAttributes() map[string]string { return paymentAttributes(p.Payment) }

// PlacedItem is an item of a placed order. The stock reservation fails if the price has
// changed since the order was placed.
type PlacedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
	// Name is the product's name, for an order that must be paid.
	Name string `json:"name,omitempty"`
}

func newPlaced(ctx context.Context, o *Order) Placed {
	e := Placed{OrderID: o.ID, Number: o.Number, UserID: o.UserID, Total: o.Total, Quote: o.quote, Payment: o.Payment.inEvent()}
	for i := range o.Items {
		item := &o.Items[i]
		e.Items = append(e.Items, PlacedItem{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice})
	}
	if o.Payment == PaymentRequired {
		e.Sources = newSources(ctx, o).ids()
		e.Email, e.Name, e.BillingAddress, e.ShippingAddress = o.Email, o.Name, o.BillingAddress, o.ShippingAddress
		for i := range o.Items {
			e.Items[i].Name = o.Items[i].Name
		}
	}
	return e
}
