package pricing_test

import (
	"testing"

	"souk/shared/api"
	"souk/shared/money"
	"souk/shared/pricing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	method := func(s *pricing.Settings) *pricing.Method { return &s.Zones[0].Methods[0] }
	for name, test := range map[string]struct {
		change         func(*pricing.Settings)
		location, code string
	}{
		"an unknown currency":          {func(s *pricing.Settings) { s.Currency = "EURO" }, "currency", api.FieldFormat},
		"a country in small letters":   {func(s *pricing.Settings) { s.TaxRates[0].Country = "de" }, "taxRates[0].country", api.FieldFormat},
		"a negative tax rate":          {func(s *pricing.Settings) { s.TaxRates[1].Rate = -1 }, "taxRates[1].rate", api.FieldRange},
		"a tax rate above 100 %":       {func(s *pricing.Settings) { s.TaxRates[1].Rate = pricing.MaxRate + 1 }, "taxRates[1].rate", api.FieldRange},
		"two rates of a class":         {func(s *pricing.Settings) { s.TaxRates[1].Class = "" }, "taxRates[1]", api.FieldDuplicate},
		"a zone without areas":         {func(s *pricing.Settings) { s.Zones[0].Areas = nil }, "zones[0].areas", api.FieldRequired},
		"an area without its country":  {func(s *pricing.Settings) { s.Zones[0].Areas[0] = pricing.Area{Region: "x"} }, "zones[0].areas[0].country", api.FieldRequired},
		"an area in no country":        {func(s *pricing.Settings) { s.Zones[0].Areas[0].Country = "D" }, "zones[0].areas[0].country", api.FieldFormat},
		"a method without an id":       {func(s *pricing.Settings) { method(s).ID = "" }, "zones[0].methods[0].id", api.FieldRequired},
		"two methods of one id":        {func(s *pricing.Settings) { s.Zones[0].Methods = append(s.Zones[0].Methods, *method(s)) }, "zones[0].methods[1].id", api.FieldDuplicate},
		"a method of an unknown basis": {func(s *pricing.Settings) { method(s).Basis = "volume" }, "zones[0].methods[0].basis", api.FieldValue},
		"a flat method with a bound":   {func(s *pricing.Settings) { method(s).Tiers[0].UpTo = 1 }, "zones[0].methods[0].tiers", api.FieldValue},
		"a method without tiers":       {func(s *pricing.Settings) { method(s).Basis, method(s).Tiers = pricing.ByWeight, nil }, "zones[0].methods[0].tiers", api.FieldRequired},
		"tiers that descend": {func(s *pricing.Settings) {
			method(s).Basis, method(s).Tiers = pricing.ByTotal, []pricing.Tier{{UpTo: 2}, {UpTo: 2}}
		}, "zones[0].methods[0].tiers[1].upTo", api.FieldValue},
		"a tier after one without bound": {func(s *pricing.Settings) {
			method(s).Basis, method(s).Tiers = pricing.ByTotal, []pricing.Tier{{UpTo: 0}, {UpTo: 2}}
		}, "zones[0].methods[0].tiers[0].upTo", api.FieldValue},
		"a negative price":              {func(s *pricing.Settings) { method(s).Tiers[0].Price = -1 }, "zones[0].methods[0].tiers[0].price", api.FieldRange},
		"a bound that is too large":     {func(s *pricing.Settings) { method(s).FreeFrom = money.Max + 1 }, "zones[0].methods[0].freeFrom", api.FieldRange},
		"a discount without an id":      {func(s *pricing.Settings) { s.Discounts[0].ID = "" }, "discounts[0].id", api.FieldRequired},
		"two discounts of one id":       {func(s *pricing.Settings) { s.Discounts = append(s.Discounts, percent("d1", "", 1)) }, "discounts[1].id", api.FieldDuplicate},
		"two discounts of one code":     {func(s *pricing.Settings) { s.Discounts = append(s.Discounts, percent("d2", "welcome ", 1)) }, "discounts[1].code", api.FieldDuplicate},
		"a code of spaces":              {func(s *pricing.Settings) { s.Discounts[0].Code = " " }, "discounts[0].code", api.FieldBlank},
		"a discount of an unknown kind": {func(s *pricing.Settings) { s.Discounts[0].Kind = "gift" }, "discounts[0].kind", api.FieldValue},
		"a discount of nothing":         {func(s *pricing.Settings) { s.Discounts[0].Amount = 0 }, "discounts[0].amount", api.FieldRange},
		"a discount above 100 %":        {func(s *pricing.Settings) { s.Discounts[0] = percent("d1", "", pricing.MaxRate+1) }, "discounts[0].rate", api.FieldRange},
		"a discount of 0 %":             {func(s *pricing.Settings) { s.Discounts[0] = percent("d1", "", 0) }, "discounts[0].rate", api.FieldRange},
		"a negative minimum":            {func(s *pricing.Settings) { s.Discounts[0].MinimumTotal = -1 }, "discounts[0].minimumTotal", api.FieldRange},
		"a negative limit of uses":      {func(s *pricing.Settings) { s.Discounts[0].MaxUses = -1 }, "discounts[0].maxUses", api.FieldRange},
		"a negative limit by customer":  {func(s *pricing.Settings) { s.Discounts[0].MaxUsesPerCustomer = -1 }, "discounts[0].maxUsesPerCustomer", api.FieldRange},
		"a period that ends before it":  {func(s *pricing.Settings) { s.Discounts[0].From, s.Discounts[0].Until = now, now }, "discounts[0].until", api.FieldValue},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			_, settings := documented()
			if errs := settings.Check(); len(errs) > 0 {
				t.Fatalf("the documented settings are invalid: %v", errs)
			}
			test.change(&settings)
			errs := settings.Check()
			if len(errs) != 1 || errs[0].Location != test.location || errs[0].Code != test.code || errs[0].Message == "" {
				t.Errorf("errors %v, want one: %s: %s", errs, test.location, test.code)
			}
		})
	}
}
