package pricing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/pricing"
)

// percent returns a discount of a rate; without a code it is automatic.
func percent(id, code string, rate pricing.Rate) pricing.Discount {
	return pricing.Discount{ID: id, Code: code, Kind: pricing.PercentOff, Rate: rate}
}

func TestCodeProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*pricing.Discount)
		code   string
		want   pricing.CodeProblem
	}{
		"a code of another case is known":    {func(*pricing.Discount) {}, " wELCOME", ""},
		"another code is unknown":            {func(*pricing.Discount) {}, "WELCOM", pricing.CodeUnknown},
		"an empty code is unknown":           {func(*pricing.Discount) {}, " ", pricing.CodeUnknown},
		"the period has not begun":           {func(d *pricing.Discount) { d.From = now.Add(time.Second) }, "WELCOME", pricing.CodeNotYetValid},
		"the period begins now":              {func(d *pricing.Discount) { d.From = now }, "WELCOME", ""},
		"the period ends now":                {func(d *pricing.Discount) { d.Until = now }, "WELCOME", pricing.CodeExpired},
		"the period ends in a second":        {func(d *pricing.Discount) { d.Until = now.Add(time.Second) }, "WELCOME", ""},
		"all uses are used up":               {func(d *pricing.Discount) { d.MaxUses = 5 }, "WELCOME", pricing.CodeUsedUp},
		"one use is left":                    {func(d *pricing.Discount) { d.MaxUses = 6 }, "WELCOME", ""},
		"the customer's uses are used up":    {func(d *pricing.Discount) { d.MaxUsesPerCustomer = 1 }, "WELCOME", pricing.CodeUsedByCustomer},
		"the customer has one more use":      {func(d *pricing.Discount) { d.MaxUsesPerCustomer = 2 }, "WELCOME", ""},
		"a guest has no uses":                {func(d *pricing.Discount) { d.MaxUsesPerCustomer = 2 }, "WELCOME", pricing.CodeNeedsAccount},
		"a guest can use one without limit":  {func(*pricing.Discount) {}, "WELCOME", ""},
		"the subtotal is below the minimum":  {func(d *pricing.Discount) { d.MinimumTotal = 5938 }, "WELCOME", pricing.CodeMinimumTotal},
		"the subtotal is the minimum":        {func(d *pricing.Discount) { d.MinimumTotal = 5937 }, "WELCOME", ""},
		"no line is of the category":         {func(d *pricing.Discount) { d.Categories = []string{"coffee"} }, "WELCOME", pricing.CodeNotForThese},
		"a line is of one of the categories": {func(d *pricing.Discount) { d.Categories = []string{"coffee", "tea"} }, "WELCOME", ""},
		"no line has the id":                 {func(d *pricing.Discount) { d.LineIDs = []string{"cup"} }, "WELCOME", pricing.CodeNotForThese},
		"a line has the id":                  {func(d *pricing.Discount) { d.LineIDs = []string{"cup", "pot"} }, "WELCOME", ""},
		"a line has the id or the category":  {func(d *pricing.Discount) { d.LineIDs, d.Categories = []string{"cup"}, []string{"tea"} }, "WELCOME", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			cart.Codes, cart.Guest = []string{test.code}, strings.HasPrefix(name, "a guest")
			cart.Uses = map[string]pricing.Uses{"d1": {Total: 5, Customer: 1}}
			test.change(&settings.Discounts[0])
			quote := mustQuote(t, cart, settings)
			var want []pricing.RefusedCode
			if test.want != "" {
				want = []pricing.RefusedCode{{Code: test.code, Problem: test.want}}
			}
			if diff := cmp.Diff(want, quote.RefusedCodes); diff != "" {
				t.Errorf("refused codes (-want +got):\n%s", diff)
			}
			if applied := quote.Discount == 1000; applied != (test.want == "") {
				t.Errorf("the discount is %d", quote.Discount)
			}
		})
	}
}

func TestDiscounts(t *testing.T) {
	t.Parallel()
	exclusive := func(d pricing.Discount) pricing.Discount { d.Exclusive = true; return d }
	ten, half, all := percent("ten", "", 100_000), percent("half", "HALF", 500_000), percent("all", "ALL", pricing.MaxRate)
	off := pricing.Discount{ID: "off", Code: "OFF", Kind: pricing.AmountOff, Amount: 900}
	tea := pricing.Discount{ID: "tea", Kind: pricing.AmountOff, Amount: 5000, Categories: []string{"tea"}}
	free := pricing.Discount{ID: "free", Code: "FREE", Kind: pricing.FreeShipping}
	for name, test := range map[string]struct {
		discounts []pricing.Discount
		codes     []string
		want      map[string]int64 // amounts by discount
		refused   []string
	}{
		"a percentage is rounded on each line":          {[]pricing.Discount{half}, []string{"half"}, map[string]int64{"half": 1995 + 974}, nil},
		"automatic discounts precede codes":             {[]pricing.Discount{off, ten}, []string{"OFF"}, map[string]int64{"ten": 399 + 195, "off": 900}, nil},
		"codes apply to what others left":               {[]pricing.Discount{half, off}, []string{"OFF", "HALF"}, map[string]int64{"off": 900, "half": 2519}, nil}, // (3990-605)/2 + (1947-295)/2, rounded
		"a code that is entered twice counts once":      {[]pricing.Discount{off}, []string{"OFF", "off "}, map[string]int64{"off": 900}, nil},
		"an amount is at most the price of its lines":   {[]pricing.Discount{tea}, nil, map[string]int64{"tea": 1947}, nil},
		"nothing is left after 100 %":                   {[]pricing.Discount{all, off}, []string{"ALL", "OFF"}, map[string]int64{"all": 5937, "off": 0}, nil},
		"shipping is free by a code":                    {[]pricing.Discount{free}, []string{"FREE"}, map[string]int64{"free": 490}, nil},
		"shipping is free once":                         {[]pricing.Discount{free, {ID: "auto", Kind: pricing.FreeShipping}}, []string{"FREE"}, map[string]int64{"auto": 490, "free": 0}, nil},
		"everything is free":                            {[]pricing.Discount{free, all}, []string{"FREE", "ALL"}, map[string]int64{"free": 490, "all": 5937}, nil},
		"an exclusive code applies alone":               {[]pricing.Discount{ten, exclusive(half), off}, []string{"OFF", "HALF"}, map[string]int64{"half": 2969}, []string{"OFF"}},
		"the first exclusive code applies":              {[]pricing.Discount{exclusive(half), exclusive(off)}, []string{"OFF", "HALF"}, map[string]int64{"off": 900}, []string{"HALF"}},
		"an exclusive code precedes an automatic one":   {[]pricing.Discount{exclusive(ten), exclusive(off)}, []string{"OFF"}, map[string]int64{"off": 900}, nil},
		"an exclusive automatic discount applies alone": {[]pricing.Discount{exclusive(ten), off}, []string{"OFF"}, map[string]int64{"ten": 594}, []string{"OFF"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			cart.Codes, settings.Discounts = test.codes, test.discounts
			settings.Zones[0].Methods[0].FreeFrom = 0
			quote := mustQuote(t, cart, settings)
			got := map[string]int64{}
			for _, discount := range quote.Discounts {
				got[discount.ID] = discount.Amount
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("discounts (-want +got):\n%s", diff)
			}
			var refused []string
			for _, code := range quote.RefusedCodes {
				refused = append(refused, code.Code)
				if code.Problem != pricing.CodeNotCombinable {
					t.Errorf("code %s: %s", code.Code, code.Problem)
				}
			}
			if diff := cmp.Diff(test.refused, refused); diff != "" {
				t.Errorf("refused codes (-want +got):\n%s", diff)
			}
			if err := checkSums(&quote); err != nil {
				t.Error(err)
			}
		})
	}
}
