// Package invoice composes invoices and credit notes and renders them as PDF. It has no I/O: the
// same document is rendered to the same bytes.
//
// All amounts are those of package pricing and are never computed anew. Tax is rounded by line
// (docs/adr/0055), so the document shows the tax of each line.
package invoice

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/money"
)

// Kind is the kind of a document. Each has numbers of its own.
type Kind string

// The kinds of documents.
const (
	Invoice    Kind = "invoice"
	CreditNote Kind = "credit_note"
)

// Document is an invoice, or a credit note that corrects one. It is complete: nothing that it
// shows is read from elsewhere.
type Document struct {
	ID       uuid.UUID `json:"id" format:"uuid"`
	Kind     Kind      `json:"kind" enum:"invoice,credit_note"`
	Number   string    `json:"number" doc:"Sequential without gaps, by kind and year." example:"2026-000042"`
	IssuedAt time.Time `json:"issuedAt"`
	// Corrects is the invoice that a credit note corrects.
	Corrects *Reference `json:"corrects,omitempty" doc:"The invoice that this credit note corrects."`

	OrderID   uuid.UUID `json:"orderId" format:"uuid"`
	OrderedAt time.Time `json:"orderedAt"`
	Seller    Seller    `json:"seller"`
	Buyer     Buyer     `json:"buyer"`
	// ShippingAddress is absent if it is the buyer's address.
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"The address of the delivery, if it is not the buyer's."`

	PricesIncludeTax bool        `json:"pricesIncludeTax" doc:"Whether unit prices and discounts include tax."`
	Lines            []Line      `json:"lines" nullable:"false" doc:"The products, then the shipping."`
	Discounts        []Discount  `json:"discounts,omitempty" doc:"What reduced the lines, which contain it already."`
	Taxes            []Tax       `json:"taxes" nullable:"false" doc:"The sums by tax rate, in ascending order."`
	Net              money.Money `json:"net"`
	Tax              money.Money `json:"tax"`
	Total            money.Money `json:"total" doc:"With tax."`
	Payment          Payment     `json:"payment"`
}

// Reference is a reference to another document.
type Reference struct {
	Number   string    `json:"number" example:"2026-000042"`
	IssuedAt time.Time `json:"issuedAt"`
}

// Seller is the business that issues the document.
type Seller struct {
	Name    string   `json:"name" example:"Souk GmbH"`
	Address []string `json:"address" nullable:"false" doc:"The lines of the postal address."`
	TaxID   string   `json:"taxId,omitempty" doc:"The number for value-added tax, or another tax number." example:"DE123456789"`
	Contact string   `json:"contact,omitempty" example:"accounts@souk.example"`
	Details string   `json:"details,omitempty" doc:"What the law requires besides, such as the commercial register." example:"HRB 12345, Amtsgericht Berlin"`
}

// Buyer is the customer.
type Buyer struct {
	Name    string                 `json:"name" example:"Amira Haddad"`
	Email   string                 `json:"email,omitempty" example:"amira@example.com"`
	Address *address.PostalAddress `json:"address,omitempty"`
}

// Line is a line of a document. Net + Tax is Gross.
type Line struct {
	Description string      `json:"description" example:"Assam, 250 g"`
	Quantity    int64       `json:"quantity,omitempty" doc:"Absent in a credit note by amount." example:"1"`
	UnitPrice   money.Money `json:"unitPrice,omitzero" doc:"Absent in a credit note."`
	Discount    money.Money `json:"discount,omitzero" doc:"Absent without one."`
	TaxRate     string      `json:"taxRate" doc:"In percent." example:"19"`
	Net         money.Money `json:"net"`
	Tax         money.Money `json:"tax"`
	Gross       money.Money `json:"gross"`
}

// Discount is a discount of an order.
type Discount struct {
	Name   string      `json:"name" example:"Ten euros off"`
	Code   string      `json:"code,omitempty" example:"TEN"`
	Amount money.Money `json:"amount"`
}

// Tax is the sum of the lines of one rate.
type Tax struct {
	Rate  string      `json:"rate" doc:"In percent." example:"19"`
	Net   money.Money `json:"net"`
	Tax   money.Money `json:"tax"`
	Gross money.Money `json:"gross"`
}

// Payment is how a document was paid, or a credit note paid back.
type Payment struct {
	At        time.Time   `json:"at"`
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference" doc:"Identifies the payment or the refund." example:"0190d3c8-3c5e-7b4c-8a70-3c8f1d2f9a10"`
}
