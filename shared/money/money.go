// Package money implements amounts of money in integral minor units of a currency.
package money

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Max is the largest amount of a Money, in minor units: 2^53-1, the largest integer that
// every JSON parser represents exactly (RFC 8259, section 6).
const Max = 1<<53 - 1

// Errors of arithmetic. Callers distinguish them with errors.Is.
var (
	ErrCurrency = errors.New("currencies differ")
	ErrOverflow = errors.New("amount is too large")
	ErrNegative = errors.New("amount is negative")
)

// Money is an amount in minor units (cents, for EUR) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"9007199254740991" doc:"Minor units: cents, for EUR." example:"1299"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" patternDescription:"a currency code of three capital letters" doc:"ISO 4217 code." example:"EUR"`
}

// Check returns an error unless the amount is from 0 to Max and the currency is in use:
// see CheckCurrency.
func (m Money) Check() error {
	if err := m.ValidateStored(); err != nil {
		return err
	}
	return CheckCurrency(m.Currency)
}

// ValidateStored returns an error unless the amount is from 0 to Max and the currency has the
// form of a code. It is for stored amounts, whose currency may have been withdrawn.
func (m Money) ValidateStored() error {
	if m.Amount < 0 || m.Amount > Max {
		return fmt.Errorf("amount %d: must be 0 to %d minor units", m.Amount, int64(Max))
	}
	if !hasForm(m.Currency) {
		return fmt.Errorf("currency %q: must be three capital letters", m.Currency)
	}
	return nil
}

// Times returns the price of quantity units, or ErrOverflow or ErrNegative.
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

// String returns the amount in readable form, with the decimals of the currency (ISO
// 4217): 1,299.00 RSD, 1,299 JPY, 1.299 KWD.
func (m Money) String() string {
	decimals := Decimals(m.Currency)
	sign, digits := "", strconv.FormatInt(m.Amount, 10)
	if m.Amount < 0 {
		sign, digits = "-", digits[1:]
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - decimals
	integer, fraction := digits[:point], digits[point:]
	for at := len(integer) - 3; at > 0; at -= 3 {
		integer = integer[:at] + "," + integer[at:]
	}
	if decimals > 0 {
		integer += "." + fraction
	}
	return sign + integer + " " + m.Currency
}
