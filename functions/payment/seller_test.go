package payment

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/payment/invoice"
)

func TestSeller(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings sellerSettings
		want     string
		ok       bool
	}{
		"a local system":           {sellerSettings{}, "Souk", true},
		"an emulated one":          {sellerSettings{Service: "invoice-issue", Emulator: true}, "Souk", true},
		"the cloud without a name": {sellerSettings{Service: "invoice-issue"}, "", false},
		"without an address":       {sellerSettings{Name: "Shop"}, "", false},
		"with an empty address":    {sellerSettings{Name: "Shop", Address: " ; "}, "", false},
		"without a name":           {sellerSettings{Address: "1 Lane"}, "", false},
		"the cloud with a seller":  {sellerSettings{Service: "invoice-issue", Name: "Shop", Address: "1 Lane"}, "Shop", true},
	} {
		got, err := test.settings.seller()
		if got.Name != test.want || (err == nil) != test.ok {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	got, err := sellerSettings{Name: " Shop ", Address: "1 Lane; 10115 Berlin ;Germany", TaxID: "DE1", Contact: "a@b.c", Details: "HRB 1"}.seller()
	want := invoice.Seller{Name: "Shop", Address: []string{"1 Lane", "10115 Berlin", "Germany"}, TaxID: "DE1", Contact: "a@b.c", Details: "HRB 1"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}
