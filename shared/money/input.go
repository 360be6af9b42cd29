package money

import (
	"cmp"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// PriceInput is a price as a caller sends it. Without a currency it is in the
// currency of what it is the price of, or in the shop's.
type PriceInput struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"9007199254740991" doc:"Minor units: cents, for EUR." example:"1299"`
	Currency string `json:"currency,omitempty" pattern:"^[A-Z]{3}$" doc:"ISO 4217 code of a currency in use. Without it: the product's, and for a new product the shop's." example:"EUR"`
}

// In returns the price, in the given currency where the caller named none.
func (p PriceInput) In(currency string) Money {
	return Money{Amount: p.Amount, Currency: cmp.Or(p.Currency, currency)}
}

// Resolve checks what the schema cannot express, in every operation that has a
// price. huma calls it.
func (p *PriceInput) Resolve(_ huma.Context, path *huma.PathBuffer) []error {
	if !hasForm(p.Currency) { // missing, or the schema's to refuse
		return nil
	}
	if CheckCurrency(p.Currency) != nil {
		return []error{api.FieldError{Location: path.With("currency"), Code: api.FieldFormat, Message: errNotCurrency.Error()}}
	}
	return nil
}
