package manifest_test

import (
	"testing"

	"souk/shared/manifest"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	paid := manifest.Filter{"payment": "required"}
	both := manifest.Filter{"payment": "required", "currency": "EUR"}
	for name, test := range map[string]struct {
		filter     manifest.Filter
		text       string
		attributes map[string]string
		accepted   bool
	}{
		"no filter":           {nil, "", nil, true},
		"the value":           {paid, `attributes.payment = "required"`, map[string]string{"payment": "required", "id": "1"}, true},
		"another value":       {paid, `attributes.payment = "required"`, map[string]string{"payment": "none"}, false},
		"a missing attribute": {paid, `attributes.payment = "required"`, map[string]string{"id": "1"}, false},
		"one of two":          {both, `attributes.currency = "EUR" AND attributes.payment = "required"`, map[string]string{"payment": "required"}, false},
		"both of two":         {both, `attributes.currency = "EUR" AND attributes.payment = "required"`, map[string]string{"payment": "required", "currency": "EUR"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.filter.String(); got != test.text {
				t.Errorf("in Pub/Sub's syntax it is %s, want %s", got, test.text)
			}
			if got := test.filter.Accepts(test.attributes); got != test.accepted {
				t.Errorf("accepted: %t, want %t", got, test.accepted)
			}
		})
	}
}
