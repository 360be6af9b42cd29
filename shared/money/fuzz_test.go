package money_test

import (
	"testing"

	"souk/shared/money"
)

func FuzzMoney(f *testing.F) {
	f.Add(int64(1299), "EUR", int64(3))
	f.Add(int64(money.Max), "JPY", int64(2))
	f.Add(int64(-1), "eur", int64(-1))
	f.Add(int64(0), "\xff", int64(1)<<62)
	f.Fuzz(func(t *testing.T, amount int64, currency string, quantity int64) {
		m := money.Money{Amount: amount, Currency: currency}
		if m.Check() != nil {
			return
		}
		product, err := m.Times(quantity)
		if err != nil {
			return
		}
		if err := product.Check(); err != nil || quantity != 0 && product.Amount/quantity != amount {
			t.Fatalf("%d × %d is %d: %v", amount, quantity, product.Amount, err)
		}
		if sum, err := product.Plus(m); err == nil && (sum.Check() != nil || sum.Amount-amount != product.Amount) {
			t.Fatalf("%d + %d is %d", product.Amount, amount, sum.Amount)
		}
	})
}
