package functions_test

import (
	"net/http"
	"sync"
	"testing"

	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// values has accepted and refused values of fields that follow a standard, by the name of
// the field. They apply to every field of that name, in any operation.
var values = map[string]struct{ accepted, refused []string }{
	"currency": {
		accepted: []string{"EUR", "MRU", "VES", "VED", "SLE", "ZWG", "XCG", "UYW"},
		refused:  []string{"DEM", "HRK", "XXX", "XAU", "XTS", "BTC", "eur", "", "EURO"},
	},
	"country": {
		accepted: []string{"DE", "HK", "AE", "SS", "CW", "AX"},
		refused:  []string{"XX", "AN", "SU", "YU", "UN", "EZ", "XK", "ZZ", "UK", "EU", "de", "", "DEU"},
	},
	"phone": {
		accepted: []string{"+493012345678", "+49 (30) 1234-5678", "+6834000", ""},
		refused:  []string{"030 12345678", "+49 (0) 30 12345678", "+49", "call me", "+1234567890123456"},
	},
	"email": {
		accepted: []string{"a.b+c@sub.example.co.uk", "o'brien@x-y.example", "ada@xn--bcher-kva.example", "root@localhost"},
		refused: []string{
			"a..b@docomo.ne.jp", ".a@docomo.ne.jp", "a.@docomo.ne.jp", "ada", "ada@", "ada@bücher.example", "ada@192.0.2.1",
			"Ada <ada@example.com>", `"a b"@example.com`, "",
		},
	},
}

// signsIn lists operations that look an e-mail address up and do not validate it, since
// older accounts may have addresses that are refused today. An address without an account
// is a wrong login.
var signsIn = map[string]bool{"session-create": true}

// inShopCurrency lists operations whose amounts must be in the currency of the shop, and the one
// that sets it, which would change the prices of other tests' orders. Their own tests have other
// currencies.
var inShopCurrency = map[string]bool{"discount-create": true, "discount-update": true, "shop-settings-update": true}

// TestValues sends every operation each of the values, in every field of that name.
func TestValues(t *testing.T) {
	t.Parallel()
	var tested sync.Map
	t.Cleanup(func() {
		for name := range values {
			if _, ok := tested.Load(name); !ok {
				t.Errorf("no operation has a field %s: its rule was not tested", name)
			}
		}
	})
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		if e.body == nil {
			return
		}
		by := mustCreateCaller(t, s, f)
		for _, field := range listFields(e.body(t, s, by), nil, "body") {
			name, _ := field.path[len(field.path)-1].(string)
			if _, ok := values[name]; ok && (name != "currency" || !inShopCurrency[f.Name]) {
				testValues(t, s, f, by, field)
				tested.Store(name, true)
			}
		}
	})
}

func testValues(t *testing.T, s *functiontest.Server, f manifest.Function, by account, field field) {
	t.Helper()
	rule := values[field.path[len(field.path)-1].(string)]
	request, body := requestTo(t, s, f, by), mustFindExample(t, f).body(t, s, by)
	for _, value := range rule.refused {
		request.Body = changed(t, body, field.path, value)
		response := s.Do(t, request)
		if signsIn[f.Name] && value != "" {
			requireRefusal(t, value, response, http.StatusUnauthorized)
			continue
		}
		if problem := requireRefusal(t, value, response, http.StatusBadRequest); len(problem.Errors) != 1 || problem.Errors[0].Location != field.place {
			t.Errorf("%s %q: got the errors %+v, want one at %s", field.place, value, problem.Errors, field.place)
		}
	}
	for _, value := range rule.accepted {
		fresh := mustFindExample(t, f).body(t, s, by) // a SKU can be used once
		request.Body = changed(t, fresh, field.path, value)
		response := s.Do(t, request)
		if requireWellFormed(t, value, response); response.Status == http.StatusBadRequest {
			t.Errorf("%s %q: %s", field.place, value, response.Body)
		}
	}
}
