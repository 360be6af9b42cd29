package pricing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/money"
	"souk/shared/pricing"
)

func TestZones(t *testing.T) {
	t.Parallel()
	zone := func(name string, areas ...pricing.Area) pricing.Zone {
		method := pricing.Method{ID: "m", Name: name, Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 1}}}
		return pricing.Zone{Name: name, Areas: areas, Methods: []pricing.Method{method}}
	}
	zones := []pricing.Zone{
		zone("world", pricing.Area{}),
		zone("germany", pricing.Area{Country: "DE"}, pricing.Area{Country: "AT", Region: "Tirol"}),
		zone("bavaria", pricing.Area{Country: "DE", Region: "Bayern"}),
		zone("berlin", pricing.Area{Country: "DE", PostalPrefix: "10"}),
		zone("centre", pricing.Area{Country: "DE", PostalPrefix: "10-1"}),
		zone("germany again", pricing.Area{Country: "DE"}),
		zone("london", pricing.Area{Country: "GB", PostalPrefix: "sw1a1"}),
		{Name: "helgoland", Areas: []pricing.Area{{Country: "DE", PostalPrefix: "27498"}}},
	}
	for name, test := range map[string]struct {
		to      pricing.Destination
		want    string
		problem pricing.ShippingProblem
	}{
		"a country without a zone is in that of the world": {pricing.Destination{Country: "BR"}, "world", ""},
		"the first of equal zones is chosen":               {pricing.Destination{Country: "DE", PostalCode: "20095"}, "germany", ""},
		"a region precedes its country":                    {pricing.Destination{Country: "DE", Region: "BAYERN", PostalCode: "80331"}, "bavaria", ""},
		"a prefix precedes a region":                       {pricing.Destination{Country: "DE", Region: "Bayern", PostalCode: "10999"}, "berlin", ""},
		"a longer prefix precedes a shorter one":           {pricing.Destination{Country: "de", PostalCode: "10115"}, "centre", ""},
		"a region of another country is in its zone":       {pricing.Destination{Country: "AT", Region: "tirol"}, "germany", ""},
		"spaces in postal codes are ignored":               {pricing.Destination{Country: "GB", PostalCode: "SW1A 1AA"}, "london", ""},
		"a zone without methods excludes an area":          {pricing.Destination{Country: "DE", PostalCode: "27498"}, "", pricing.NoMethod},
		"an unknown address has no zone":                   {pricing.Destination{}, "", pricing.NoAddress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := oneLine("EUR", 100, 1, 0, true)
			settings.Zones, cart.Destination, cart.ShippingMethod = zones, test.to, "m"
			got := mustQuote(t, cart, settings).Shipping
			if got.Name != test.want || got.Problem != test.problem {
				t.Errorf("zone %q, problem %q; want %q, %q", got.Name, got.Problem, test.want, test.problem)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	tiers := []pricing.Tier{{UpTo: 1000, Price: 490}, {UpTo: 5000, Price: 690}}
	methods := []pricing.Method{
		{ID: "flat", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 500}}},
		{ID: "free", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 300}}, FreeFrom: 2000},
		{ID: "total", Basis: pricing.ByTotal, Tiers: append(tiers[:2:2], pricing.Tier{Price: 0})},
		{ID: "weight", Basis: pricing.ByWeight, Tiers: tiers, FreeFrom: 2000},
	}
	for name, test := range map[string]struct {
		total, weight int64
		discount      int64
		want          map[string]int64
	}{
		"a bound is inclusive":                  {total: 1000, weight: 1000, want: map[string]int64{"flat": 500, "free": 300, "total": 490, "weight": 490}},
		"the next tier begins above the bound":  {total: 1001, weight: 1001, want: map[string]int64{"flat": 500, "free": 300, "total": 690, "weight": 690}},
		"from its total on, shipping is free":   {total: 2000, weight: 1, want: map[string]int64{"flat": 500, "free": 0, "total": 690, "weight": 0}},
		"what is discounted is not counted":     {total: 2000, weight: 1, discount: 1, want: map[string]int64{"flat": 500, "free": 300, "total": 690, "weight": 490}},
		"free shipping has a largest weight":    {total: 9000, weight: 5001, want: map[string]int64{"flat": 500, "free": 0, "total": 0}},
		"nothing is in the first tier":          {total: 0, weight: 0, want: map[string]int64{"flat": 500, "free": 300, "total": 490, "weight": 490}},
		"the largest total is in the last tier": {total: money.Max - 500, weight: 0, want: map[string]int64{"flat": 500, "free": 0, "total": 0, "weight": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := oneLine("EUR", test.total, 1, 0, true)
			cart.Lines[0].Weight = test.weight
			settings.Zones = []pricing.Zone{{Areas: []pricing.Area{{}}, Methods: methods}}
			if test.discount > 0 {
				settings.Discounts = []pricing.Discount{{ID: "d", Kind: pricing.AmountOff, Amount: test.discount}}
			}
			got := map[string]int64{}
			for _, option := range mustQuote(t, cart, settings).Shipping.Options {
				got[option.Method] = option.Amount
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("prices by method (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShippingProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		country, method string
		want            pricing.ShippingProblem
	}{
		"a method is chosen":                  {"DE", "standard", ""},
		"no method is chosen yet":             {"DE", "", pricing.NotChosen},
		"the chosen method is unknown":        {"DE", "drone", pricing.MethodUnavailable},
		"the shop does not ship to a country": {"FR", "standard", pricing.NoZone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			cart.Destination.Country, cart.ShippingMethod = test.country, test.method
			quote := mustQuote(t, cart, settings)
			if quote.Shipping.Problem != test.want {
				t.Errorf("problem %q, want %q", quote.Shipping.Problem, test.want)
			}
			if paid := quote.Shipping.Amount != 0; paid != (test.want == "") {
				t.Errorf("shipping costs %d", quote.Shipping.Amount)
			}
		})
	}
}

func TestShippingIsTaxed(t *testing.T) {
	t.Parallel()
	cart, settings := documented()
	settings.Zones[0].Methods[0].TaxClass = "food"
	if got := mustQuote(t, cart, settings).Shipping; got.TaxRate != 70_000 || got.Tax != 32 {
		t.Errorf("shipping has %d at %d millionths, want the tax of its class: 32 at 70,000", got.Tax, got.TaxRate)
	}
}
