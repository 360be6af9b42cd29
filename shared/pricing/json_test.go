package pricing_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"souk/shared/pricing"
)

// roundTrip returns what a value becomes in JSON and back. It reports members that are not
// lowerCamelCase.
func roundTrip[T any](t *testing.T, value T) (decoded T) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if member := regexp.MustCompile(`"[A-Z]\w*":`).Find(text); member != nil {
		t.Errorf("member %s is not lowerCamelCase: %s", member, text)
	}
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestJSON(t *testing.T) {
	t.Parallel()
	// A nil slice and an empty one have the same meaning.
	equal := func(t *testing.T, seed uint64, a, b any) {
		t.Helper()
		if diff := cmp.Diff(a, b, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("seed %d: changed by JSON (-before +after):\n%s", seed, diff)
		}
	}
	for seed := range uint64(500) {
		g := newGenerator(seed)
		settings := g.settings()
		equal(t, seed, settings, roundTrip(t, settings))
		quote, err := pricing.NewQuote(g.cart(settings.Currency), settings)
		if err != nil {
			continue // an amount exceeds money.Max
		}
		decoded := roundTrip(t, quote)
		equal(t, seed, quote, decoded)
		if quote.Total == 0 {
			continue
		}
		// A refund of a stored quote after stored refunds is that of the original ones.
		request := pricing.RefundRequest{Amount: (quote.Total + 1) / 2}
		first, err := pricing.NewRefund(decoded, quote.Total, nil, roundTrip(t, request))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		equal(t, seed, first, roundTrip(t, first))
		if quote.Total == first.Amount {
			continue
		}
		request.Amount = quote.Total - first.Amount
		second, err := pricing.NewRefund(decoded, quote.Total, []pricing.Refund{roundTrip(t, first)}, request)
		if err != nil || second.Tax != quote.Tax-first.Tax {
			t.Errorf("seed %d: second refund of %d with tax %d, error %v; want tax %d", seed, second.Amount, second.Tax, err, quote.Tax-first.Tax)
		}
	}
}
