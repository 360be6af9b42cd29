package product_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/money"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	build := func(environment config.Environment) error {
		_, err := product.Functions(function.NewRuntime(function.Options{Environment: environment}))
		return err
	}
	for _, environment := range []config.Environment{nil, {"SHOP_CURRENCY": "MRU"}, {"SHOP_CURRENCY": "JPY"}} {
		if err := build(environment); err != nil {
			t.Errorf("%v: %v", environment, err)
		}
	}
	for _, code := range []string{"DEM", "XXX", "eur", "euro", "€"} {
		if err := build(config.Environment{"SHOP_CURRENCY": code}); err == nil || !strings.Contains(err.Error(), "SHOP_CURRENCY") {
			t.Errorf("SHOP_CURRENCY=%s: %v", code, err)
		}
	}
}

func price(amount int64, currency string) map[string]any {
	if currency == "" {
		return map[string]any{"amount": amount}
	}
	return map[string]any{"amount": amount, "currency": currency}
}

func TestShopCurrency(t *testing.T) {
	t.Parallel()
	s := shop{Server: functiontest.Start(t, functions.Manifest(), "product", product.Functions, product.Migrations,
		config.Environment{"SHOP_CURRENCY": "RSD"}, functiontest.WithContract(contract))}
	s.admin = s.Tokens.Admin(t)
	for sku, c := range map[string]struct{ currency, want string }{
		"DEFAULT": {"", "RSD"}, "SHOPS": {"RSD", "RSD"}, "OTHER": {"MRU", "MRU"},
	} {
		body := fixtures.Product(sku, 1)
		body["price"] = price(129900, c.currency)
		if got, want := s.mustCreate(t, body).Price, (money.Money{Amount: 129900, Currency: c.want}); got != want {
			t.Errorf("%s costs %v, want %v", sku, got, want)
		}
	}
}

func TestCurrencyIsFixed(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := fixtures.Product("FIXED", 1)
	body["price"] = price(1299, "USD")
	p := s.mustCreate(t, body)
	versionBefore := p.Version

	for _, other := range []string{"EUR", "JPY"} {
		s.patch(t, p.ID, "*", map[string]any{"name": "Other", "price": price(1299, other)}).MustBeProblem(t, http.StatusConflict, "currency_fixed")
	}
	if stored := s.mustGet(t, p.ID); stored.Price != p.Price || stored.Name != p.Name || stored.Version != versionBefore {
		t.Fatalf("a rejected update stored %+v", stored)
	}
	for amount, currency := range map[int64]string{1500: "USD", 1600: ""} {
		var after product.StaffProduct
		s.patch(t, p.ID, "*", map[string]any{"price": price(amount, currency)}).MustBe(t, http.StatusOK).Into(t, &after)
		if want := (money.Money{Amount: amount, Currency: "USD"}); after.Price != want {
			t.Errorf("the price is %v, want %v", after.Price, want)
		}
	}
	s.patch(t, uuid.New(), "*", map[string]any{"price": price(1, "EUR")}).MustBeProblem(t, http.StatusNotFound, "product_not_found")
}
