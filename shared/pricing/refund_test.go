package pricing_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/pricing"
)

func units(id string, quantity int64) pricing.RefundRequest {
	return pricing.RefundRequest{Lines: []pricing.RefundLine{{ID: id, Quantity: quantity}}}
}

func TestRefund(t *testing.T) {
	t.Parallel()
	amount := func(amount int64) pricing.RefundRequest { return pricing.RefundRequest{Amount: amount} }
	shipping := pricing.RefundRequest{Shipping: true}
	for name, test := range map[string]struct {
		requests []pricing.RefundRequest
		amounts  []int64
		taxes    []int64
	}{
		"shipping is refunded":                 {[]pricing.RefundRequest{shipping}, []int64{490}, []int64{78}},
		"two units are the sum of each":        {[]pricing.RefundRequest{units("tea", 2), units("tea", 1)}, []int64{1079, 540}, []int64{71, 35}},
		"an amount is of all lines":            {[]pricing.RefundRequest{amount(5427)}, []int64{5427}, []int64{714}},
		"units are worth what an amount left":  {[]pricing.RefundRequest{amount(5425), units("tea", 2), units("tea", 1), units("pot", 1)}, []int64{5425, 1, 0, 1}, []int64{714, 0, 0, 0}},
		"an amount is of what units left":      {[]pricing.RefundRequest{units("pot", 1), units("tea", 3), amount(490)}, []int64{3318, 1619, 490}, []int64{530, 106, 78}},
		"units after an amount share the rest": {[]pricing.RefundRequest{units("tea", 1), amount(1000), units("tea", 1), units("tea", 1)}, []int64{540, 1000, 429, 429}, []int64{35, 139, 28, 28}},
		"lines of one request are refunded":    {[]pricing.RefundRequest{{Lines: []pricing.RefundLine{{ID: "tea", Quantity: 1}, {ID: "tea", Quantity: 2}, {ID: "pot", Quantity: 1}}, Shipping: true}}, []int64{5427}, []int64{714}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			quote := mustQuote(t, cart, settings)
			var refunds []pricing.Refund
			var amounts, taxes []int64
			for _, request := range test.requests {
				refund, err := pricing.NewRefund(quote, quote.Total, refunds, request)
				if err != nil {
					t.Fatal(err)
				}
				refunds, amounts, taxes = append(refunds, refund), append(amounts, refund.Amount), append(taxes, refund.Tax)
			}
			if diff := cmp.Diff(test.amounts, amounts); diff != "" {
				t.Errorf("amounts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.taxes, taxes); diff != "" {
				t.Errorf("taxes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInvalidRefunds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		captured int64
		earlier  pricing.Refund
		request  pricing.RefundRequest
		want     error
	}{
		"nothing":                         {5427, pricing.Refund{}, pricing.RefundRequest{}, pricing.ErrRefundRequest},
		"units and an amount":             {5427, pricing.Refund{}, pricing.RefundRequest{Amount: 1, Shipping: true}, pricing.ErrRefundRequest},
		"an unknown line":                 {5427, pricing.Refund{}, units("cup", 1), pricing.ErrRefundLine},
		"shipping as a line":              {5427, pricing.Refund{}, units("", 1), pricing.ErrRefundLine},
		"more units than were ordered":    {5427, pricing.Refund{}, units("tea", 4), pricing.ErrRefundQuantity},
		"no units":                        {5427, pricing.Refund{}, units("tea", 0), pricing.ErrRefundQuantity},
		"a unit twice":                    {5427, pricing.Refund{}, pricing.RefundRequest{Lines: []pricing.RefundLine{{ID: "pot", Quantity: 1}, {ID: "pot", Quantity: 1}}}, pricing.ErrRefundQuantity},
		"shipping twice":                  {5427, pricing.Refund{Parts: []pricing.RefundPart{{Quantity: 1, Amount: 490, Tax: 78}}}, pricing.RefundRequest{Shipping: true}, pricing.ErrRefundQuantity},
		"a negative amount":               {5427, pricing.Refund{}, pricing.RefundRequest{Amount: -1}, pricing.ErrRefundAmount},
		"more than the total":             {6000, pricing.Refund{}, pricing.RefundRequest{Amount: 5428}, pricing.ErrRefundAmount},
		"more than was captured":          {3317, pricing.Refund{}, units("pot", 1), pricing.ErrRefundAmount},
		"an earlier refund of another":    {5427, pricing.Refund{Parts: []pricing.RefundPart{{LineID: "cup", Amount: 1}}}, units("pot", 1), pricing.ErrRefundLine},
		"an earlier refund of too much":   {5427, pricing.Refund{Parts: []pricing.RefundPart{{LineID: "tea", Amount: 1620}}}, units("pot", 1), pricing.ErrRefundAmount},
		"an earlier refund of tax only":   {5427, pricing.Refund{Parts: []pricing.RefundPart{{LineID: "tea", Tax: 107}}}, units("pot", 1), pricing.ErrRefundAmount},
		"an earlier refund of more units": {5427, pricing.Refund{Parts: []pricing.RefundPart{{LineID: "tea", Quantity: 4}}}, units("pot", 1), pricing.ErrRefundAmount},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			quote := mustQuote(t, cart, settings)
			refund, err := pricing.NewRefund(quote, test.captured, []pricing.Refund{test.earlier}, test.request)
			if !errors.Is(err, test.want) || refund.Amount != 0 {
				t.Errorf("refund of %d, error %v; want %v", refund.Amount, err, test.want)
			}
		})
	}
}
