package stripe

import (
	"testing"

	"github.com/bojanz/currency"
	"pgregory.net/rapid"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// TestAmounts compares amounts with the examples of https://docs.stripe.com/currencies
func TestAmounts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		amount money.Money
		want   int64 // 0: refused
	}{
		{money.Money{Amount: 1000, Currency: "USD"}, 1000},   // 10.00
		{money.Money{Amount: 500, Currency: "JPY"}, 500},     // 500
		{money.Money{Amount: 5, Currency: "ISK"}, 500},       // 5
		{money.Money{Amount: 5, Currency: "UGX"}, 500},       // 5
		{money.Money{Amount: 5120, Currency: "KWD"}, 5120},   // 5.120
		{money.Money{Amount: 5124, Currency: "KWD"}, 0},      // 5.124 would be rounded
		{money.Money{Amount: 500, Currency: "MGA"}, 5},       // 5
		{money.Money{Amount: 520, Currency: "MGA"}, 0},       // 5 and an iraimbilanja
		{money.Money{Amount: 1045, Currency: "HUF"}, 1045},   // no decimals in payouts only
		{money.Money{Amount: 80045, Currency: "TWD"}, 80045}, // no decimals in payouts only
		{money.Money{Amount: 1000, Currency: "IQD"}, 0},      // not supported
		{money.Money{Amount: 1000, Currency: "CLF"}, 0},      // not supported
	} {
		got, err := toStripe(provider.OperationCreate, row.amount)
		if got != row.want || (err == nil) != (row.want != 0) {
			t.Errorf("%s: got %d, %v, want %d", row.amount, got, err, row.want)
		}
		if err != nil && provider.ClassOf(err) != provider.ClassInvalid {
			t.Errorf("%s: the class of %v is %s", row.amount, err, provider.ClassOf(err))
		}
	}
}

// TestAmountsOfEveryCurrency requires that an amount which is accepted is the same after both
// conversions.
func TestAmountsOfEveryCurrency(t *testing.T) {
	t.Parallel()
	codes := currency.GetCurrencyCodes()
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Money{Currency: rapid.SampledFrom(codes).Draw(t, "currency")}
		amount.Amount = rapid.OneOf(rapid.Int64Range(1, 100_000), rapid.Int64Range(1, money.Max)).Draw(t, "amount")
		units, err := toStripe(provider.OperationCreate, amount)
		if err != nil {
			return
		}
		if back, err := fromStripe(amount.Currency, units); err != nil || back != amount.Amount {
			t.Fatalf("%s is %d, which is %d, %v", amount, units, back, err)
		}
	})
	accepted := 0
	for _, code := range codes {
		if units, err := toStripe(provider.OperationCreate, money.Money{Amount: 1000, Currency: code}); err == nil && units > 0 {
			accepted++
		}
	}
	if accepted != len(codes)-5 {
		t.Errorf("%d currencies of %d are accepted, want all but CLF, IQD, LYD, UYI and UYW", accepted, len(codes))
	}
}

func TestAmountsFromStripe(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		code  string
		units int64
		want  int64 // -1: refused
	}{
		{"EUR", 0, 0}, {"EUR", money.Max, money.Max}, {"EUR", -1, -1}, {"EUR", money.Max + 1, -1},
		{"ISK", 500, 5}, {"ISK", 501, -1}, {"MGA", 5, 500}, {"MGA", money.Max, -1}, {"IQD", 1, -1},
	} {
		got, err := fromStripe(row.code, row.units)
		if row.want < 0 && err == nil || row.want >= 0 && (err != nil || got != row.want) {
			t.Errorf("%d of %s: got %d, %v, want %d", row.units, row.code, got, err, row.want)
		}
	}
}
