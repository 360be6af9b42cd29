package money

import (
	"cmp"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// PriceInput is a price in a request. Without a currency it is in the product's currency,
// or in the shop's.
type PriceInput struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"9007199254740991" doc:"Minor units: cents, for EUR." example:"1299"`
	Currency string `json:"currency,omitempty" pattern:"^[A-Z]{3}$" patternDescription:"a currency code of three capital letters" doc:"ISO 4217 code of an active currency. Without it: the product's, and for a new product the shop's." example:"EUR"`
}

// In returns the price, in the given currency if the request has none.
func (p PriceInput) In(currency string) Money {
	return Money{Amount: p.Amount, Currency: cmp.Or(p.Currency, currency)}
}

// Resolve checks what the schema cannot express, in every operation that has a
// price. huma calls it.
func (p *PriceInput) Resolve(_ huma.Context, path *huma.PathBuffer) []error {
	if !hasForm(p.Currency) { // missing, or refused by the schema
		return nil
	}
	if CheckCurrency(p.Currency) != nil {
		return []error{api.FieldError{Location: path.With("currency"), Code: api.FieldFormat, Message: errNotCurrency.Error()}}
	}
	return nil
}
