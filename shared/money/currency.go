package money

import (
	"errors"
	"fmt"
	"slices"
)

// errNotCurrency is the error of CheckCurrency. API users receive its text.
var errNotCurrency = errors.New("must be the ISO 4217 code of an active currency, such as EUR")

// CheckCurrency returns an error unless code is the code of an active currency, including
// the fund codes of ISO 4217 such as UYW. Withdrawn currencies, precious metals and the
// codes for testing and for no currency are refused: no customer pays with them.
func CheckCurrency(code string) error {
	if _, inUse := slices.BinarySearch(currencies[:], code); !inUse {
		return fmt.Errorf("currency %q: %w", code, errNotCurrency)
	}
	return nil
}

// Decimals returns the number of decimals of a currency: the minor unit of ISO 4217, and 2
// for a code that the standard does not list, as nearly all withdrawn currencies had.
func Decimals(code string) int {
	switch code {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	default:
		return 2
	}
}

// currencies are the codes in use, in alphabetical order. Source: ISO 4217, list one
// (https://www.six-group.com/en/products-services/financial-information/data-standards.html).
// TestCurrencies compares them, and Decimals, with github.com/bojanz/currency: an update
// of that module brings the changes of the standard. The module is not linked because its
// dependencies add 1 ms to every start.
var currencies = [...]string{
	"AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN",
	"BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD",
	"CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY", "COP", "COU", "CRC", "CUP", "CVE", "CZK",
	"DJF", "DKK", "DOP", "DZD",
	"EGP", "ERN", "ETB", "EUR",
	"FJD", "FKP",
	"GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD",
	"HKD", "HNL", "HTG", "HUF",
	"IDR", "ILS", "INR", "IQD", "IRR", "ISK",
	"JMD", "JOD", "JPY",
	"KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT",
	"LAK", "LBP", "LKR", "LRD", "LSL", "LYD",
	"MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MXV", "MYR", "MZN",
	"NAD", "NGN", "NIO", "NOK", "NPR", "NZD",
	"OMR",
	"PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG",
	"QAR",
	"RON", "RSD", "RUB", "RWF",
	"SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL",
	"THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS",
	"UAH", "UGX", "USD", "USN", "UYI", "UYU", "UYW", "UZS",
	"VED", "VES", "VND", "VUV",
	"WST",
	"XAD", "XAF", "XCD", "XCG", "XOF", "XPF",
	"YER",
	"ZAR", "ZMW", "ZWG",
}

// hasForm reports whether code is three capital letters, as in ISO 4217.
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
