package money

import (
	"errors"
	"fmt"

	"github.com/bojanz/currency"
)

// errNotCurrency is for API users: it is the text of a field error.
var errNotCurrency = errors.New("must be the code of a currency in use (ISO 4217), such as EUR")

// withdrawnDecimals is the number of decimals of a currency that ISO 4217 does not
// list. Nearly every withdrawn currency had two.
const withdrawnDecimals = 2

// CheckCurrency returns an error unless code is that of a currency in use, which
// includes the fund codes of ISO 4217 such as UYW. Withdrawn currencies, precious
// metals and the codes for testing and for no currency are refused: no customer
// pays with them.
func CheckCurrency(code string) error {
	if code == "" || !currency.IsValid(code) {
		return fmt.Errorf("currency %q: %w", code, errNotCurrency)
	}
	return nil
}

// Decimals returns how many decimals a currency has: the exponent of ISO 4217.
func Decimals(code string) int {
	if digits, known := currency.GetDigits(code); known {
		return int(digits)
	}
	return withdrawnDecimals
}

// hasForm reports whether code is written as a code of ISO 4217.
func hasForm(code string) bool {
	if len(code) != 3 {
		return false
	}
	for _, letter := range []byte(code) {
		if letter < 'A' || letter > 'Z' {
			return false
		}
	}
	return true
}
