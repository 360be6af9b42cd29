package pricing_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"souk/shared/money"
	"souk/shared/pricing"
	"souk/shared/testsample"
)

var firstSeed = flag.Uint64("seed", 0, "the seed of the first cart of TestProperties; 0 is a random one")

// properties are what is true for each cart.
var properties = map[string]func(generator, pricing.Cart, pricing.Settings, pricing.Quote) error{
	"what is shown adds up":             func(_ generator, _ pricing.Cart, _ pricing.Settings, q pricing.Quote) error { return checkSums(&q) },
	"taxes are rounded half up":         func(_ generator, _ pricing.Cart, _ pricing.Settings, q pricing.Quote) error { return checkTaxes(&q) },
	"a single discount is exact":        checkSingleDiscount,
	"the order of lines does not count": checkOrder,
	"prices with and without tax agree": checkIncluded,
	"refunds add up":                    checkRefunds,
	"refunds of units are cumulative":   checkUnits,
}

// TestProperties checks the properties of random carts: 10,000 of them, and 1,000,000 with -long.
func TestProperties(t *testing.T) {
	t.Parallel()
	carts, first := uint64(10_000), *firstSeed
	if testsample.Long() {
		carts = 1_000_000
	}
	if first == 0 {
		first = rand.Uint64()
	}
	var quotes, failures atomic.Int64
	shards := uint64(runtime.GOMAXPROCS(0))
	t.Run("every cart has the properties", func(t *testing.T) { // returns when all parts have run
		for shard := range shards {
			t.Run(fmt.Sprintf("part %d of %d of the carts", shard+1, shards), func(t *testing.T) {
				t.Parallel()
				for n := shard; n < carts && failures.Load() < 3; n += shards {
					hasPrice, err := checkCart(first + n)
					if err != nil {
						failures.Add(1)
						t.Errorf("-seed %d begins with this cart: %v", first+n, err)
					}
					if hasPrice {
						quotes.Add(1)
					}
				}
			})
		}
	})
	// The other carts exceed money.Max.
	if checked := quotes.Load(); checked < int64(carts)*9/10 && failures.Load() == 0 {
		t.Errorf("only %d of %d carts have a price", checked, carts)
	}
}

// checkCart checks the cart of a seed. It reports whether the cart has a price.
func checkCart(seed uint64) (hasPrice bool, err error) {
	g := newGenerator(seed)
	settings := g.settings()
	cart := g.cart(settings.Currency)
	describe := func(err error) error {
		text, _ := json.MarshalIndent(struct {
			Cart     pricing.Cart
			Settings pricing.Settings
		}{cart, settings}, "", "  ")
		return fmt.Errorf("%w\n%s", err, text)
	}
	quote, err := pricing.NewQuote(cart, settings)
	switch {
	case errors.Is(err, money.ErrOverflow) && mayOverflow(cart):
		return false, nil
	case err != nil:
		return false, describe(err)
	}
	if err := checkProperties(newGenerator(seed), cart, settings, quote); err != nil {
		return true, describe(err)
	}
	return true, nil
}

func checkProperties(g generator, cart pricing.Cart, settings pricing.Settings, quote pricing.Quote) error {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if err := properties[name](g, cart, settings, quote); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// TestPropertiesFindErrors plants errors in the documented quote.
func TestPropertiesFindErrors(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(*pricing.Quote){
		"a total of one more":    func(q *pricing.Quote) { q.Total++ },
		"a subtotal of one less": func(q *pricing.Quote) { q.Subtotal-- },
		"a tax of one more": func(q *pricing.Quote) {
			q.Lines[0].Tax++
			q.Lines[0].Net--
			q.Tax++
			q.Taxes[1].Tax++
			q.Taxes[1].Net--
		},
		"a tax by rate of one more":      func(q *pricing.Quote) { q.Taxes[0].Tax++ },
		"a discount of one more":         func(q *pricing.Quote) { q.Discounts[0].Amount++ },
		"a negative line":                func(q *pricing.Quote) { q.Lines[0].Discount, q.Lines[0].Gross = 3991, -1 },
		"a cent for the wrong remainder": func(q *pricing.Quote) { q.Lines[0].Discount++; q.Lines[1].Discount-- },
	} {
		t.Run("finds "+name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			quote := mustQuote(t, cart, settings)
			if err := checkProperties(newGenerator(1), cart, settings, quote); err != nil {
				t.Fatalf("the documented quote: %v", err)
			}
			plant(&quote)
			if err := checkProperties(newGenerator(1), cart, settings, quote); err == nil {
				t.Error("no property fails")
			}
		})
	}
}

// mayOverflow reports whether the cart is so expensive that its total may exceed money.Max.
func mayOverflow(cart pricing.Cart) bool {
	sum := new(big.Int)
	for _, line := range cart.Lines {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(line.UnitPrice), big.NewInt(line.Quantity)))
	}
	return sum.Cmp(big.NewInt(money.Max/3)) > 0
}

// checkSums checks that parts add up to sums and that nothing is negative.
func checkSums(q *pricing.Quote) error {
	charges, subtotal := []pricing.Charge{q.Shipping.Charge}, int64(0)
	for _, line := range q.Lines {
		if line.Amount != line.UnitPrice*line.Quantity {
			return fmt.Errorf("line %s: %d × %d is not %d", line.ID, line.UnitPrice, line.Quantity, line.Amount)
		}
		subtotal += line.Amount
		charges = append(charges, line.Charge)
	}
	var net, tax, gross, discount int64
	for _, c := range charges {
		remaining := map[bool]int64{true: c.Gross, false: c.Net}[q.PricesIncludeTax]
		if min(c.Amount, c.Discount, c.Net, c.Tax, c.Gross) < 0 || c.Gross != c.Net+c.Tax || c.Amount-c.Discount != remaining {
			return fmt.Errorf("charge %+v does not add up or is negative", c)
		}
		net, tax, gross, discount = net+c.Net, tax+c.Tax, gross+c.Gross, discount+c.Discount
	}
	var byRate pricing.TaxTotal
	for _, t := range q.Taxes {
		byRate.Net, byRate.Tax, byRate.Gross = byRate.Net+t.Net, byRate.Tax+t.Tax, byRate.Gross+t.Gross
	}
	byName := int64(0)
	for _, d := range q.Discounts {
		if d.Amount < 0 {
			return fmt.Errorf("discount %s is %d", d.ID, d.Amount)
		}
		byName += d.Amount
	}
	total := q.Subtotal - q.Discount + q.Shipping.Amount
	if !q.PricesIncludeTax {
		total += q.Tax
	}
	switch {
	case total != q.Total || q.Total < 0 || gross != q.Total:
		return fmt.Errorf("total %d, parts %d and %d", q.Total, total, gross)
	case subtotal != q.Subtotal || discount != q.Discount || byName != q.Discount || tax != q.Tax:
		return fmt.Errorf("subtotal %d is %d, discount %d is %d and %d, tax %d is %d", q.Subtotal, subtotal, q.Discount, discount, byName, q.Tax, tax)
	case byRate != pricing.TaxTotal{Net: net, Tax: tax, Gross: gross}:
		return fmt.Errorf("taxes %+v do not add up to %d + %d = %d", q.Taxes, net, tax, gross)
	}
	return nil
}

// round returns a × b / c, rounded half up, by arithmetic of its own.
func round(a, b, c int64) int64 {
	if c == 0 {
		return 0
	}
	twice := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	twice.Mul(twice, big.NewInt(2)).Add(twice, big.NewInt(c))
	return twice.Div(twice, new(big.Int).Mul(big.NewInt(c), big.NewInt(2))).Int64()
}

func checkTaxes(q *pricing.Quote) error {
	charges := []pricing.Charge{q.Shipping.Charge}
	for _, line := range q.Lines {
		charges = append(charges, line.Charge)
	}
	for _, c := range charges {
		want := round(c.Net, int64(c.TaxRate), 1_000_000)
		if q.PricesIncludeTax {
			want = round(c.Gross, int64(c.TaxRate), 1_000_000+int64(c.TaxRate))
		}
		if c.Tax != want {
			return fmt.Errorf("tax of %+v: want %d", c, want)
		}
	}
	return nil
}

// checkOrder checks that a cart with its lines in another order has the same price.
func checkOrder(g generator, cart pricing.Cart, settings pricing.Settings, q pricing.Quote) error {
	cart.Lines = slices.Clone(cart.Lines)
	g.Shuffle(len(cart.Lines), func(i, j int) { cart.Lines[i], cart.Lines[j] = cart.Lines[j], cart.Lines[i] })
	other, err := pricing.NewQuote(cart, settings)
	if err != nil {
		return err
	}
	byID := func(a, b pricing.Line) int { return strings.Compare(a.ID, b.ID) }
	a, b := slices.SortedFunc(slices.Values(q.Lines), byID), slices.SortedFunc(slices.Values(other.Lines), byID)
	if !slices.Equal(a, b) || !slices.Equal(q.Taxes, other.Taxes) || !slices.Equal(q.Discounts, other.Discounts) ||
		q.Total != other.Total || q.Shipping.Charge != other.Shipping.Charge {
		return fmt.Errorf("quote %+v, and with shuffled lines %+v", q, other)
	}
	return nil
}

// checkIncluded checks that a shop whose prices include tax, and that sells at the gross prices
// of a shop whose prices do not, has the same taxes.
func checkIncluded(_ generator, cart pricing.Cart, settings pricing.Settings, q pricing.Quote) error {
	if q.PricesIncludeTax {
		return nil
	}
	cart.Lines, cart.ShippingMethod = slices.Clone(cart.Lines), ""
	for i := range cart.Lines {
		cart.Lines[i].UnitPrice, cart.Lines[i].Quantity = q.Lines[i].Gross, 1
	}
	settings.PricesIncludeTax, settings.Discounts = true, nil
	other, err := pricing.NewQuote(cart, settings)
	if err != nil {
		return err
	}
	for i, line := range other.Lines {
		if line.Net != q.Lines[i].Net || line.Tax != q.Lines[i].Tax {
			return fmt.Errorf("line %s: %+v, and with tax in the price %+v", line.ID, q.Lines[i].Charge, line.Charge)
		}
	}
	return nil
}
