package hostcheck_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"souk/emulators/hostcheck"
)

func TestIsForeign(t *testing.T) {
	t.Parallel()
	const own = "http://127.0.0.1:8090"
	for name, c := range map[string]struct {
		method, origin, site, mode string
		foreign                    bool
	}{
		"a program":                             {http.MethodPost, "", "", "", false},
		"a page of the server":                  {http.MethodPost, own, "same-origin", "cors", false},
		"an address that was typed":             {http.MethodGet, "", "none", "navigate", false},
		"a link on another site":                {http.MethodGet, "", "cross-site", "navigate", false},
		"a form of another site":                {http.MethodPost, "", "cross-site", "navigate", true},
		"an image on another site":              {http.MethodGet, "", "cross-site", "no-cors", true},
		"a page on another port":                {http.MethodGet, "", "same-site", "cors", true},
		"another origin":                        {http.MethodGet, "http://shop.test", "", "", true},
		"another port":                          {http.MethodPost, "http://127.0.0.1:8091", "", "", true},
		"an opaque origin":                      {http.MethodPost, "null", "", "", true},
		"an origin that is no URL":              {http.MethodPost, "http://%zz", "", "", true},
		"another origin that claims to be same": {http.MethodPost, "http://shop.test", "same-origin", "cors", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), c.method, own+"/", http.NoBody)
			for header, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			if got := hostcheck.IsForeign(r); got != c.foreign {
				t.Errorf("IsForeign = %t, want %t", got, c.foreign)
			}
		})
	}
}
