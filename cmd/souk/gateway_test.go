package main

import (
	"strings"
	"testing"
)

// TestCloudRunBackends refuses URLs to which an ID token would go in clear text, and those
// whose path or query would be lost.
func TestCloudRunBackends(t *testing.T) {
	t.Parallel()
	for backends, want := range map[string]string{
		`{"product-get": "https://product-get-abc-ew.a.run.app"}`: "",
		`{"product-get": "http://product-get-abc-ew.a.run.app"}`:  "product-get: expected a URL of the form https://HOST",
		`{"product-get": "HTTPS://a", "order-get": null}`:         "order-get: expected a URL",
		`{"product-get": "https://"}`:                             "product-get: expected a URL",
		`{"product-get": "https://a.run.app/"}`:                   "product-get: expected a URL",
		`{"product-get": "https://a.run.app/v1"}`:                 "product-get: expected a URL",
		`{"product-get": "https://user:secret@a.run.app"}`:        "product-get: expected a URL",
		`{"product-get": "https://a.run.app?key=1"}`:              "product-get: expected a URL",
		`{"product-get": "https://a.run.app#top"}`:                "product-get: expected a URL",
		`{"product-get": "https://a b"}`:                          "product-get: expected a URL",
		`null`:                                                    "expected a JSON object", `{}`: "expected a JSON object", ``: "expected a JSON object", `[]`: "expected a JSON object",
	} {
		p := &program{getenv: func(string) string { return backends }}
		backend, err := p.cloudRunBackends()
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want an error with %q", backends, err, want)
		case want == "" && (err != nil || backend("product-get") != "https://product-get-abc-ew.a.run.app"):
			t.Errorf("%s: got %v", backends, err)
		}
	}
}
