package money_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"pgregory.net/rapid"

	"souk/shared/money"
)

func TestCheckCurrency(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"EUR", "USD", "JPY", "MRU", "VES", "VED", "SLE", "ZWG", "XCG", "UYW", "STN", "CLF"} {
		if err := money.CheckCurrency(code); err != nil {
			t.Errorf("%s is refused: %v", code, err)
		}
	}
	for _, code := range []string{
		"DEM", "HRK", "XXX", "XAU", "XAG", "XPT", "XPD", "XTS", "XDR", "SLL", "ZWL", "MRO", "STD", "VEF", "BYR", "ANG", "BGN", "BTC",
		"", "eur", "EU", "EURO", "EUR ", " EUR", "E\x00R", "ЕUR", // the last begins with a Cyrillic letter
	} {
		if err := money.CheckCurrency(code); err == nil {
			t.Errorf("%q is accepted", code)
		}
	}
}

// TestCurrencies compares the list and the decimals with the module's, in both
// directions.
func TestCurrencies(t *testing.T) {
	t.Parallel()
	known := currency.GetCurrencyCodes()
	for _, code := range known {
		if err := money.CheckCurrency(code); err != nil {
			t.Errorf("%s is missing: %v", code, err)
		}
		if got, want := money.Decimals(code), mustDecimals(t, code); got != want {
			t.Errorf("%s has %d decimals, want %d", code, got, want)
		}
	}
	accepted := 0
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			for third := 'A'; third <= 'Z'; third++ {
				code := string([]rune{first, second, third})
				if money.CheckCurrency(code) == nil {
					accepted++
				} else if money.Decimals(code) != 2 {
					t.Errorf("%s is refused and has %d decimals", code, money.Decimals(code))
				}
			}
		}
	}
	if accepted != len(known) {
		t.Errorf("%d codes are accepted, want the %d of the module", accepted, len(known))
	}
}

func mustDecimals(t testing.TB, code string) int {
	t.Helper()
	digits, known := currency.GetDigits(code)
	if !known {
		t.Fatalf("%s is unknown", code)
	}
	return int(digits)
}

func TestString(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]money.Money{
		"12.99 EUR":                 {Amount: 1299, Currency: "EUR"},
		"0.05 EUR":                  {Amount: 5, Currency: "EUR"},
		"0.00 EUR":                  {Currency: "EUR"},
		"1,299 JPY":                 {Amount: 1299, Currency: "JPY"},
		"0 JPY":                     {Currency: "JPY"},
		"1.299 KWD":                 {Amount: 1299, Currency: "KWD"},
		"0.0007 CLF":                {Amount: 7, Currency: "CLF"},
		"1,299.00 RSD":              {Amount: 129900, Currency: "RSD"},
		"1,299.00 ALL":              {Amount: 129900, Currency: "ALL"},
		"129.900 IQD":               {Amount: 129900, Currency: "IQD"},
		"1,299.00 PKR":              {Amount: 129900, Currency: "PKR"},
		"1,299.00 LBP":              {Amount: 129900, Currency: "LBP"},
		"1,299.00 COP":              {Amount: 129900, Currency: "COP"},
		"1,299.00 MRU":              {Amount: 129900, Currency: "MRU"},
		"999.99 EUR":                {Amount: 99999, Currency: "EUR"},
		"1,000,000.00 EUR":          {Amount: 100_000_000, Currency: "EUR"},
		"90,071,992,547,409.91 CHF": {Amount: money.Max, Currency: "CHF"},
		"1,299.00 HRK":              {Amount: 129900, Currency: "HRK"}, // withdrawn, of an old order
	} {
		if got := m.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestStringOfEveryCurrency checks that the text is the stored amount, in every currency.
func TestStringOfEveryCurrency(t *testing.T) {
	t.Parallel()
	for _, code := range currency.GetCurrencyCodes() {
		decimals := mustDecimals(t, code)
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				amount := rapid.OneOf(rapid.Int64Range(0, 2000), rapid.Int64Range(0, money.Max)).Draw(t, "amount")
				text := money.Money{Amount: amount, Currency: code}.String()
				number, unit, _ := strings.Cut(text, " ")
				integer, fraction, _ := strings.Cut(number, ".")
				if unit != code || len(fraction) != decimals {
					t.Fatalf("%d of %s is %q", amount, code, text)
				}
				for i, group := range strings.Split(integer, ",") {
					if len(group) > 3 || len(group) < 3 && i > 0 || len(group) == 0 {
						t.Fatalf("%d of %s is %q: a group is not three digits", amount, code, text)
					}
				}
				digits := strings.ReplaceAll(integer, ",", "")
				if len(digits) > 1 && digits[0] == '0' {
					t.Fatalf("%d of %s is %q: a leading zero", amount, code, text)
				}
				if back, err := strconv.ParseInt(digits+fraction, 10, 64); err != nil || back != amount {
					t.Fatalf("%d of %s is %q, which reads as %d: %v", amount, code, text, back, err)
				}
			})
		})
	}
}
