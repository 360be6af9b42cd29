package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"souk/shared/money"
)

// amounts returns a generator of int64 values, many of them near a limit.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64(),
		rapid.Int64Range(0, money.Max),
		rapid.SampledFrom([]int64{0, 1, money.Max - 1, money.Max, money.Max + 1, math.MaxInt64, math.MinInt64, -1}),
	)
}

// requireExact fails the test unless a result equals the exact one, or the error is the
// right one if there is no result.
func requireExact(t *rapid.T, got money.Money, err error, exact *big.Int, negative bool) {
	t.Helper()
	switch {
	case negative:
		if !errors.Is(err, money.ErrNegative) {
			t.Fatalf("got %v, %v of a negative operand, want ErrNegative", got, err)
		}
	case exact.Cmp(big.NewInt(money.Max)) > 0:
		if !errors.Is(err, money.ErrOverflow) {
			t.Fatalf("got %v, %v, want ErrOverflow: exactly it is %s", got, err, exact)
		}
	case err != nil || !exact.IsInt64() || got.Amount != exact.Int64() || got.Currency != "EUR":
		t.Fatalf("got %v, %v, want EUR %s", got, err, exact)
	}
}

func TestPlus(t *testing.T) {
	t.Parallel()
	t.Run("is exact or an error, for any amounts", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
			sum, err := money.Money{Amount: a, Currency: "EUR"}.Plus(money.Money{Amount: b, Currency: "EUR"})
			exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
			if a > money.Max || b > money.Max { // not a valid Money
				exact = new(big.Int).SetUint64(math.MaxUint64)
			}
			requireExact(t, sum, err, exact, a < 0 || b < 0)
		})
	})

	t.Run("amounts of different currencies are refused", func(t *testing.T) {
		t.Parallel()
		_, err := money.Money{Amount: 1, Currency: "EUR"}.Plus(money.Money{Amount: 1, Currency: "USD"})
		if !errors.Is(err, money.ErrCurrency) {
			t.Errorf("got %v, want ErrCurrency", err)
		}
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price, quantity := amounts().Draw(t, "price"), amounts().Draw(t, "quantity")
		product, err := money.Money{Amount: price, Currency: "EUR"}.Times(quantity)
		exact := new(big.Int).Mul(big.NewInt(price), big.NewInt(quantity))
		requireExact(t, product, err, exact, price < 0 || quantity < 0)
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		money money.Money
		ok    bool
	}{
		"accepts zero":                       {money.Money{Amount: 0, Currency: "EUR"}, true},
		"accepts the largest amount":         {money.Money{Amount: money.Max, Currency: "JPY"}, true},
		"refuses one more":                   {money.Money{Amount: money.Max + 1, Currency: "EUR"}, false},
		"refuses a negative amount":          {money.Money{Amount: -1, Currency: "EUR"}, false},
		"refuses an unknown currency":        {money.Money{Amount: 1, Currency: "ABC"}, false},
		"refuses a currency of another case": {money.Money{Amount: 1, Currency: "eur"}, false},
		"refuses an amount without currency": {money.Money{Amount: 1}, false},
		"refuses a withdrawn currency":       {money.Money{Amount: 1, Currency: "HRK"}, false},
		"refuses a code with trailing space": {money.Money{Amount: 1, Currency: "EUR "}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.money.Check(); (err == nil) != test.ok {
				t.Errorf("Check of %+v: %v", test.money, err)
			}
		})
	}
}
