package order_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function/functiontest"
	"souk/shared/pricing"
	"souk/shared/testsample"
)

// randomShop is a shop with random settings, discounts and products, and what the test knows of
// them, from which it computes the prices that it expects.
type randomShop struct {
	testService
	*rand.Rand
	settings pricing.Settings
	products []pricing.CartLine // with the quantity 0
	codes    []string
	uses     map[string]pricing.Uses // totals
	own      map[string]int64        // by customer and discount
}

// cartsPerShop is the number of orders that are placed; about as many carts are refused.
const cartsPerShop = 25

// TestRandomCarts orders random carts in random shops: 100 carts, and 1,000 with -long. The stored
// quote is the one that shared/pricing computes from the settings, as the test has sent them, and the
// response and the event have its amounts.
func TestRandomCarts(t *testing.T) {
	t.Parallel()
	seeds := make([]uint64, 40)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	for _, seed := range testsample.Of(t, seeds, 4) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newRandomShop(t, seed)
			buyers := []customer{s.customer(t), s.customer(t), s.customer(t)}
			refused := 0
			for placed := 0; placed < cartsPerShop && refused < 20*cartsPerShop && !t.Failed(); {
				if s.orderRandomCart(t, buyers[s.IntN(len(buyers))]) {
					placed++
				} else {
					refused++
				}
			}
			if refused == 20*cartsPerShop {
				t.Error("too few carts can be ordered")
			}
		})
	}
}

// anyOf returns one of the values.
func anyOf[T any](s *randomShop, values ...T) T { return values[s.IntN(len(values))] }

func newRandomShop(t *testing.T, seed uint64) *randomShop {
	t.Helper()
	s := &randomShop{
		testService: openWith(t, config.Environment{"ORDER_MAX_OPEN": "1000", "ORDER_MAX_PIECES": "1000000"}),
		Rand:        rand.New(rand.NewPCG(seed, 60)), uses: map[string]pricing.Uses{}, own: map[string]int64{},
	}
	s.settings = pricing.Settings{Currency: anyOf(s, "EUR", "JPY", "KWD"), PricesIncludeTax: s.IntN(2) == 0}
	for _, country := range []string{"DE", "US"} {
		for _, class := range []string{"", "food"} {
			if s.IntN(4) > 0 {
				s.settings.TaxRates = append(s.settings.TaxRates, pricing.TaxRate{Country: country, Class: class, Rate: s.rate()})
			}
		}
	}
	if s.IntN(4) > 0 {
		s.settings.Zones = []pricing.Zone{{Name: "Zone", Areas: []pricing.Area{{Country: "DE"}, {Country: "US", PostalPrefix: "1"}}, Methods: []pricing.Method{
			{ID: "flat", Name: "Flat", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: s.Int64N(2000)}}, FreeFrom: s.Int64N(100_000)},
			{ID: "weight", Name: "Weight", Basis: pricing.ByWeight, TaxClass: "food", Tiers: []pricing.Tier{{UpTo: 1000, Price: 1}, {UpTo: 20_000, Price: s.Int64N(3000)}}},
		}}}
	}
	s.mustUpdateSettings(t, map[string]any{
		"currency": s.settings.Currency, "pricesIncludeTax": s.settings.PricesIncludeTax, "taxRates": notNil(s.settings.TaxRates), "zones": notNil(s.settings.Zones),
	})
	for range 8 {
		s.addProduct(t)
	}
	for i := range s.IntN(6) {
		s.addDiscount(t, i)
	}
	return s
}

// notNil returns an empty list for nil.
func notNil[T any](list []T) []T { return append([]T{}, list...) }

func (s *randomShop) rate() pricing.Rate {
	return anyOf(s, 0, 70_000, 88_750, 190_000, 333_333, pricing.MaxRate, pricing.Rate(s.Int64N(1_000_000)))
}

func (s *randomShop) addProduct(t *testing.T) {
	t.Helper()
	id := uuid.New()
	line := pricing.CartLine{
		ID: id.String(), UnitPrice: anyOf(s, 0, 1, 99, s.Int64N(100_000)), Category: anyOf(s, "", "tea", "pots"),
		TaxClass: anyOf(s, "", "food", "books"), Weight: s.Int64N(3000),
	}
	changed := fixtures.ProductChanged(id, 1, "Product", fixtures.Object{"amount": line.UnitPrice, "currency": s.settings.Currency})
	changed["category"], changed["taxClass"], changed["weight"] = line.Category, line.TaxClass, line.Weight
	s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", changed)).MustBe(t, http.StatusNoContent)
	s.products = append(s.products, line)
}

// addDiscount creates a discount. Automatic ones are created before others are, so that the
// settings have them in the order of their use.
func (s *randomShop) addDiscount(t *testing.T, i int) {
	t.Helper()
	d := pricing.Discount{
		Name: fmt.Sprint("Discount ", i), Kind: anyOf(s, pricing.PercentOff, pricing.AmountOff, pricing.FreeShipping), Exclusive: s.IntN(6) == 0,
		MinimumTotal: anyOf(s, 0, s.Int64N(50_000)), MaxUses: anyOf[int64](s, 0, 3), MaxUsesPerCustomer: anyOf[int64](s, 0, 0, 1),
	}
	if i > 1 {
		d.Code = fmt.Sprint("CODE", i)
		s.codes = append(s.codes, d.Code)
	}
	body := map[string]any{"name": d.Name, "kind": d.Kind, "maxUses": d.MaxUses, "maxUsesPerCustomer": d.MaxUsesPerCustomer, "exclusive": d.Exclusive,
		"minimumTotal": fixtures.Object{"amount": d.MinimumTotal, "currency": s.settings.Currency}}
	switch d.Kind {
	case pricing.PercentOff:
		d.Rate = max(1, s.rate())
		body["rate"] = d.Rate
	case pricing.AmountOff:
		d.Amount = 1 + s.Int64N(5000)
		body["amount"] = fixtures.Object{"amount": d.Amount, "currency": s.settings.Currency}
	case pricing.FreeShipping:
	}
	if d.Code != "" {
		body["code"] = d.Code
	}
	if s.IntN(3) == 0 {
		d.LineIDs, d.Categories = []string{s.products[0].ID}, []string{"tea"}
		body["productIds"], body["categories"] = d.LineIDs, d.Categories
	}
	if s.IntN(5) == 0 {
		d.Until = time.Date(anyOf(s, 2020, 2999), 1, 1, 0, 0, 0, 0, time.UTC)
		body["until"] = d.Until
	}
	d.ID = s.mustCreateDiscount(t, body).ID.String()
	s.settings.Discounts = append(s.settings.Discounts, d)
}

// orderRandomCart orders a cart and compares the outcome with what is expected. It reports whether
// the order was placed.
func (s *randomShop) orderRandomCart(t *testing.T, buyer customer) bool {
	t.Helper()
	cart := pricing.Cart{Currency: s.settings.Currency, Time: time.Now(), Uses: map[string]pricing.Uses{}, ShippingMethod: anyOf(s, "flat", "flat", "weight", "")}
	body := map[string]any{"shippingMethod": cart.ShippingMethod}
	if s.IntN(8) > 0 {
		cart.Destination = pricing.Destination{Country: anyOf(s, "DE", "DE", "US", "FR"), PostalCode: anyOf(s, "10115", "90210")}
		body["shippingAddress"] = with(fixtures.ShortAddress("A"), map[string]any{"country": cart.Destination.Country, "postalCode": cart.Destination.PostalCode})
	}
	for _, code := range s.codes {
		if s.IntN(3) == 0 {
			cart.Codes = append(cart.Codes, code)
		}
	}
	body["discountCodes"] = notNil(cart.Codes)
	items := []any{}
	for _, product := range s.Perm(len(s.products))[:1+s.IntN(5)] {
		line := s.products[product]
		line.Quantity = anyOf(s, 1, 1, 2, 3, 1+s.Int64N(1000))
		cart.Lines = append(cart.Lines, line)
		items = append(items, fixtures.Item(uuid.MustParse(line.ID), int(line.Quantity)))
	}
	body["items"] = items
	for id, uses := range s.uses {
		cart.Uses[id] = pricing.Uses{Total: uses.Total, Customer: s.own[buyer.UserID.String()+id]}
	}
	want, err := pricing.NewQuote(cart, s.settings)
	if err != nil {
		t.Fatal(err)
	}
	return s.requireOutcome(t, &want, buyer, s.placeBody(t, buyer, body))
}

// requireOutcome requires that a cart was ordered at the price of a quote, or refused because of it.
func (s *randomShop) requireOutcome(t *testing.T, want *pricing.Quote, buyer customer, response functiontest.Response) bool {
	t.Helper()
	switch {
	case len(want.RefusedCodes) > 0:
		response.MustBeProblem(t, http.StatusConflict, "discount_code_"+string(want.RefusedCodes[0].Problem))
		return false
	case len(s.settings.Zones) > 0 && want.Shipping.Problem != "":
		response.MustBeProblem(t, http.StatusConflict, "shipping_"+string(want.Shipping.Problem))
		return false
	}
	var o order.Order
	response.MustBe(t, http.StatusCreated).Into(t, &o)
	requireSums(t, &o)
	if o.Total.Amount != want.Total || o.Tax.Amount != want.Tax || o.Discount.Amount != want.Discount {
		t.Errorf("prices %+v, want %+v", o.Prices, want)
	}
	var text []byte
	if err := s.DB.QueryRowContext(t.Context(), `SELECT quote FROM orders WHERE id = ?`, o.ID[:]).Scan(&text); err != nil {
		t.Fatal(err)
	}
	published := s.publishedPlaced(t, o.ID).Quote
	if text == nil && published == nil && want.Total == want.Subtotal && want.Tax == 0 {
		return true
	}
	var stored *pricing.Quote
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]*pricing.Quote{"stored": stored, "published": published} {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the %s quote (-want +got):\n%s", name, diff)
		}
	}
	for _, d := range want.Discounts {
		if d.Amount > 0 {
			s.uses[d.ID] = pricing.Uses{Total: s.uses[d.ID].Total + 1}
			s.own[buyer.UserID.String()+d.ID]++
		}
	}
	return true
}
