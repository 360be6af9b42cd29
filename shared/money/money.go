// Package money holds amounts of money: whole minor units and a currency, never
// a float.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"golang.org/x/text/currency"
)

// Max is the largest amount a Money may hold, in minor units: 2^53-1, the
// largest integer that every JSON reader keeps exact (RFC 8259, section 6).
const Max = 1<<53 - 1

// Errors of arithmetic and of checking. They can be told apart with errors.Is.
var (
	ErrCurrency = errors.New("currencies differ")
	ErrOverflow = errors.New("amount is too large")
	ErrNegative = errors.New("amount is negative")
)

// Money is an amount in minor units (cents, for EUR) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"9007199254740991" doc:"Minor units: cents, for EUR." example:"1299"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217 code." example:"EUR"`
}

// Check says whether the amount is within 0 and Max and the currency is one of
// ISO 4217.
func (m Money) Check() error {
	if m.Amount < 0 || m.Amount > Max {
		return fmt.Errorf("amount %d: must be 0 to %d minor units", m.Amount, int64(Max))
	}
	// ParseISO takes lower case too, which Plus would hold for another currency.
	if unit, err := currency.ParseISO(m.Currency); err != nil || unit.String() != m.Currency {
		return fmt.Errorf("currency %q: not a code of ISO 4217", m.Currency)
	}
	return nil
}

// Times returns the price of quantity pieces, or ErrOverflow or ErrNegative.
func (m Money) Times(quantity int64) (Money, error) {
	if m.Amount < 0 || quantity < 0 {
		return Money{}, fmt.Errorf("%d × %d: %w", m.Amount, quantity, ErrNegative)
	}
	high, low := bits.Mul64(uint64(m.Amount), uint64(quantity))
	if high != 0 || low > Max {
		return Money{}, fmt.Errorf("%d × %d: %w", m.Amount, quantity, ErrOverflow)
	}
	return Money{Amount: int64(low), Currency: m.Currency}, nil
}

// Plus returns the sum, or ErrCurrency, ErrOverflow or ErrNegative.
func (m Money) Plus(other Money) (Money, error) {
	if m.Currency != other.Currency {
		return Money{}, fmt.Errorf("%s + %s: %w", m.Currency, other.Currency, ErrCurrency)
	}
	if m.Amount < 0 || other.Amount < 0 {
		return Money{}, fmt.Errorf("%d + %d: %w", m.Amount, other.Amount, ErrNegative)
	}
	if m.Amount > Max || other.Amount > Max-m.Amount {
		return Money{}, fmt.Errorf("%d + %d: %w", m.Amount, other.Amount, ErrOverflow)
	}
	return Money{Amount: m.Amount + other.Amount, Currency: m.Currency}, nil
}

// String is the amount for a person, with as many decimals as the currency has:
// 12.99 EUR, 1299 JPY.
func (m Money) String() string {
	decimals := 0
	if unit, err := currency.ParseISO(m.Currency); err == nil {
		decimals, _ = currency.Standard.Rounding(unit)
	}
	if decimals == 0 {
		return fmt.Sprintf("%d %s", m.Amount, m.Currency)
	}
	one := int64(math.Pow10(decimals))
	return fmt.Sprintf("%d.%0*d %s", m.Amount/one, decimals, m.Amount%one, m.Currency)
}
