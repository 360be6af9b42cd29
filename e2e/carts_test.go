package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/functions/payment/invoice"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/money"
	"souk/shared/pricing"
	"souk/shared/testsample"
)

// cartSettings are settings of a shop, and the number of decimals of its currency.
type cartSettings struct {
	currency   string
	includeTax bool
}

// TestRandomCarts takes random carts through the running system: checkout, order, payment, shipment
// and invoice. The amounts are the same in the quote, the order, the payment, at the provider and in
// the invoice: 48 carts, and 1,000 with -long.
func TestRandomCarts(t *testing.T) {
	parallel(t)
	s := startSystem(t, "--payments=on")
	admin := s.admin(t)
	carts := 48
	if testsample.Long() {
		carts = 1000
	}
	all := []cartSettings{{"EUR", true}, {"EUR", false}, {"JPY", true}, {"JPY", false}, {"KWD", true}, {"KWD", false}}
	for i, settings := range all {
		count := (i+1)*carts/len(all) - i*carts/len(all)
		t.Run(fmt.Sprintf("%s, tax included %t", settings.currency, settings.includeTax), func(t *testing.T) {
			shop := newCartShop(t, s, admin, settings)
			const buyers = 4
			for buyer := range buyers {
				seed := rand.Uint64()
				t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
					t.Parallel()
					random := rand.New(rand.NewPCG(seed, 1))
					for range (buyer+1)*count/buyers - buyer*count/buyers {
						shop.buy(t, random)
					}
				})
			}
		})
	}
}

// cartShop is a running system with settings, products and discounts in a currency.
type cartShop struct {
	*system

	admin    string
	products []uuid.UUID
	codes    []string
}

func newCartShop(t *testing.T, s *system, admin string, settings cartSettings) *cartShop {
	t.Helper()
	shop := &cartShop{system: s, admin: admin}
	s.deleteDiscounts(t, admin)
	amount := func(n int) fixtures.Object { return fixtures.Object{"amount": n, "currency": settings.currency} }
	s.do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/settings", Token: admin, Header: map[string]string{"If-Match": "*"}, Body: map[string]any{
		"currency": settings.currency, "pricesIncludeTax": settings.includeTax,
		"taxRates": []pricing.TaxRate{{Country: "DE", Rate: 190_000}, {Country: "DE", Class: "food", Rate: 70_000}, {Country: "US", Rate: 88_750}},
		"zones": []pricing.Zone{{Name: "World", Areas: []pricing.Area{{Country: "DE"}, {Country: "US"}, {Country: "FR"}}, Methods: []pricing.Method{
			{ID: "flat", Name: "Flat", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 499}}, FreeFrom: 90_000},
			{ID: "weight", Name: "Weight", Basis: pricing.ByWeight, TaxClass: "food", Tiers: []pricing.Tier{{UpTo: 1000, Price: 333}, {UpTo: 10_000_000, Price: 1777}}},
		}}},
	}}).MustBe(t, http.StatusOK)
	prefix := strings.ToUpper(uuid.NewString()[:8])
	for kind, fields := range map[string]fixtures.Object{
		"PART": {"kind": pricing.PercentOff, "rate": 125_000}, "ALL": {"kind": pricing.PercentOff, "rate": pricing.MaxRate},
		"LESS": {"kind": pricing.AmountOff, "amount": amount(777)}, "FREE": {"kind": pricing.FreeShipping},
	} {
		fields["name"], fields["code"] = kind, kind+prefix
		s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/discounts", Token: admin,
			Header: map[string]string{"Idempotency-Key": uuid.NewString()}, Body: fields}).MustBe(t, http.StatusCreated)
		shop.codes = append(shop.codes, kind+prefix)
	}
	for i, price := range []int{1, 99, 1299, 33_333, 7} {
		body := fixtures.Product("CART-"+uuid.NewString(), 10_000_000)
		body["price"], body["taxClass"], body["weight"] = amount(price), []string{"", "food"}[i%2], 100*i
		var p product.StaffProduct
		s.do(t, fixtures.CreateProduct(admin, body)).MustBe(t, http.StatusCreated).Into(t, &p)
		shop.products = append(shop.products, p.ID)
	}
	eventually(t, "the products can be ordered", func() bool {
		items := []any{}
		for _, id := range shop.products {
			items = append(items, fixtures.Item(id, 1))
		}
		return s.post(t, "/v1/checkouts", map[string]any{"items": items}).Status == http.StatusCreated
	})
	return shop
}

// deleteDiscounts deletes all discounts: the shop cannot change its currency with discounts in it.
func (s *system) deleteDiscounts(t *testing.T, admin string) {
	t.Helper()
	var page api.Page[order.Discount]
	s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/discounts", Token: admin}).MustBe(t, http.StatusOK).Into(t, &page)
	for _, d := range page.Items {
		s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/discounts/" + d.ID.String(), Token: admin,
			Header: map[string]string{"If-Match": "*"}}).MustBe(t, http.StatusNoContent)
	}
}

// buy takes one cart from its quote to its invoice.
func (s *cartShop) buy(t *testing.T, random *rand.Rand) {
	t.Helper()
	c := s.quoteCart(t, random)
	path := "/v1/checkouts/" + c.ID.String()
	var o order.Order
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: path + "/complete", Token: c.Token, Header: map[string]string{"Idempotency-Key": uuid.NewString()},
		Body: map[string]any{"version": c.Version, "total": c.Total}}).MustBe(t, http.StatusOK).Into(t, &o)
	if diff := cmp.Diff(c.Prices, o.Prices) + cmp.Diff(c.Items, o.Items); diff != "" {
		t.Errorf("the quote and order %s (-quote +order):\n%s", o.ID, diff)
	}
	if o.Total.Amount == 0 {
		s.requireUnpaid(t, c.Token, &o)
		return
	}
	s.pay(t, c.Token, o.ID)
	s.do(t, fixtures.ChangeOrderStatus(s.admin, o.ID, "ship")).MustBe(t, http.StatusOK)
	p := s.awaitPayment(t, c.Token, o.ID, "captured", func(p payment.Payment) bool { return p.Status == payment.Captured })
	if p.Amount != o.Total || p.Captured != o.Total || p.Refunded.Amount != 0 {
		t.Errorf("the payment of order %s is %+v, want %v", o.ID, p, o.Total)
	}
	if at := s.atProvider(t, o.ID); at != o.Total {
		t.Errorf("the provider has captured %v of order %s, want %v", at, o.ID, o.Total)
	}
	requireInvoice(t, &o, s.invoice(t, c.Token, o.ID))
}

// quoteCart creates the checkout of a random cart.
func (s *cartShop) quoteCart(t *testing.T, random *rand.Rand) (c order.Checkout) {
	t.Helper()
	items := []any{}
	for _, i := range random.Perm(len(s.products))[:1+random.IntN(4)] {
		items = append(items, fixtures.Item(s.products[i], []int{1, 1, 2, 3, 1 + random.IntN(200)}[random.IntN(5)]))
	}
	address := fixtures.ShortAddress("Amira Haddad")
	address["country"] = []string{"DE", "DE", "US", "FR"}[random.IntN(4)]
	codes := []string{}
	for _, code := range s.codes {
		if random.IntN(4) == 0 && (!strings.HasPrefix(code, "ALL") || random.IntN(2) == 0) {
			codes = append(codes, code)
		}
	}
	s.post(t, "/v1/checkouts", map[string]any{
		"items": items, "email": uuid.NewString() + "@example.com", "shippingAddress": address,
		"shippingMethod": []string{"flat", "weight"}[random.IntN(2)], "discountCodes": codes,
	}).MustBe(t, http.StatusCreated).Into(t, &c)
	if len(c.Problems) > 0 {
		t.Fatalf("the checkout has the problems %+v", c.Problems)
	}
	return c
}

// requireUnpaid requires that an order with nothing to pay is confirmed, without payment and invoice.
func (s *cartShop) requireUnpaid(t *testing.T, token string, o *order.Order) {
	t.Helper()
	eventually(t, "the order is confirmed", func() bool {
		var current order.Order
		s.do(t, fixtures.GetOrder(token, o.ID)).MustBe(t, http.StatusOK).Into(t, &current)
		return current.Status == order.Confirmed
	})
	s.getPayment(t, token, o.ID).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
}

// atProvider returns what the provider has captured of an order.
func (s *cartShop) atProvider(t *testing.T, id uuid.UUID) (sum money.Money) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Payments.URL+"/v1/payments?reference="+url.QueryEscape(id.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.Payments.APIKey)
	response, err := providerClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Items []struct {
			Currency                               string
			Amount, CapturedAmount, RefundedAmount int64
		}
	}
	err = json.NewDecoder(response.Body).Decode(&page)
	if err = errors.Join(err, response.Body.Close()); err != nil || len(page.Items) != 1 {
		t.Fatalf("the provider has the payments %+v, want one: %v", page.Items, err)
	}
	p := page.Items[0]
	if p.Amount != p.CapturedAmount || p.RefundedAmount != 0 {
		t.Errorf("the provider has %+v", p)
	}
	return money.Money{Amount: p.CapturedAmount, Currency: p.Currency}
}

// providerClient sends requests that are not in openapi.yaml.
var providerClient = &http.Client{Transport: &http.Transport{}}

// invoice waits for the invoice of an order.
func (s *cartShop) invoice(t *testing.T, token string, id uuid.UUID) (document invoice.Document) {
	t.Helper()
	var page api.Page[invoice.Document]
	eventually(t, "the invoice is issued", func() bool {
		s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + id.String() + "/invoices", Token: token}).
			MustBe(t, http.StatusOK).Into(t, &page)
		return len(page.Items) == 1
	})
	s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/invoices/" + page.Items[0].ID.String(), Token: token}).
		MustBe(t, http.StatusOK).Into(t, &document)
	return document
}

// requireInvoice requires that an invoice has the amounts of an order: of each line, the shipping,
// the discounts, the taxes by rate and the total.
func requireInvoice(t *testing.T, o *order.Order, got invoice.Document) {
	t.Helper()
	type charge struct {
		rate                 string
		discount, tax, gross money.Money
	}
	want := []charge{}
	for _, item := range o.Items {
		want = append(want, charge{percent(item.TaxRate), item.Discount, item.Tax, item.Total})
	}
	if s := o.Shipping; s != nil {
		want = append(want, charge{percent(s.TaxRate), s.Discount, s.Tax, s.Total})
	}
	charges, sum := []charge{}, money.Money{Currency: o.Total.Currency}
	for _, line := range got.Lines {
		if line.Discount.Currency == "" { // absent without one
			line.Discount.Currency = o.Total.Currency
		}
		charges = append(charges, charge{line.TaxRate, line.Discount, line.Tax, line.Gross})
		sum.Amount += line.Gross.Amount
	}
	taxes, wantTaxes := []invoice.Tax{}, got.Taxes
	for _, tax := range o.Taxes {
		taxes = append(taxes, invoice.Tax{Rate: percent(tax.Rate), Net: tax.Net, Tax: tax.Tax, Gross: tax.Gross})
	}
	discounts := slices.DeleteFunc(slices.Clone(o.Discounts), func(d order.AppliedDiscount) bool { return d.Amount.Amount == 0 })
	var discounted []money.Money
	for _, d := range discounts {
		discounted = append(discounted, d.Amount)
	}
	var invoiced []money.Money
	for _, d := range got.Discounts {
		if d.Amount.Amount > 0 {
			invoiced = append(invoiced, d.Amount)
		}
	}
	diff := cmp.Diff(want, charges, cmp.AllowUnexported(charge{})) + cmp.Diff(taxes, wantTaxes) + cmp.Diff(discounted, invoiced)
	if diff != "" || sum != o.Total || got.Total != o.Total || got.Tax != o.Tax || got.Net.Amount+got.Tax.Amount != got.Total.Amount ||
		got.Payment.Amount != o.Total || got.PricesIncludeTax != o.PricesIncludeTax {
		t.Errorf("the invoice of order %s is %+v, want %+v (-order +invoice):\n%s", o.ID, got, o.Prices, diff)
	}
}

// percent returns a rate in percent.
func percent(rate pricing.Rate) string { return strconv.FormatFloat(float64(rate)/10_000, 'f', -1, 64) }
