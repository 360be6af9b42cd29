package gateway

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"

	"souk/shared/api"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	asks := func(t *testing.T, d *front, method, origin string) http.Header {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, d.url+"/v1/products/1", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", http.MethodGet)
		}
		response, err := d.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		response.Header.Set("Status", response.Status)
		return response.Header
	}
	const shop, other = "https://shop.example", "https://other.example"
	listed := mustOpen(t, countBody, func(o *Options) { o.Origins = []string{shop} })
	every := mustOpen(t, countBody, func(o *Options) { o.Origins = []string{"*"} })
	none := mustOpen(t, countBody)

	t.Run("scripts of listed origins may read responses and send preflights", func(t *testing.T) {
		t.Parallel()
		got := asks(t, listed, http.MethodGet, shop)
		if got.Get("Access-Control-Allow-Origin") != shop || !strings.Contains(got.Get("Access-Control-Expose-Headers"), "ETag") || got.Get("Vary") != "Origin" {
			t.Errorf("got %v", got)
		}
		got = asks(t, listed, http.MethodOptions, shop)
		if !strings.HasPrefix(got.Get("Status"), "204") || got.Get("Access-Control-Allow-Origin") != shop ||
			!strings.Contains(got.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || !strings.Contains(got.Get("Access-Control-Allow-Methods"), "PATCH") {
			t.Errorf("got %v", got)
		}
		if got.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("credentials are allowed")
		}
	})

	t.Run("* allows all origins", func(t *testing.T) {
		t.Parallel()
		if got := asks(t, every, http.MethodGet, other); got.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("got %v", got)
		}
	})

	t.Run("other origins get no CORS headers", func(t *testing.T) {
		t.Parallel()
		for name, got := range map[string]http.Header{
			"another":            asks(t, listed, http.MethodGet, other),
			"another, preflight": asks(t, listed, http.MethodOptions, other),
			"none":               asks(t, listed, http.MethodGet, ""),
			"by default":         asks(t, none, http.MethodGet, shop),
			"first":              asks(t, none, http.MethodOptions, shop),
		} {
			for header := range got {
				if strings.HasPrefix(header, "Access-Control-") {
					t.Errorf("%s: got %v", name, got)
				}
			}
		}
	})

	t.Run("ParseOrigins parses a list", func(t *testing.T) {
		t.Parallel()
		got, err := ParseOrigins(" https://shop.example,http://localhost:3000 ,")
		if want := []string{shop, "http://localhost:3000"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v", got, err)
		}
		if got, err := ParseOrigins(""); err != nil || got != nil {
			t.Errorf("got %v, %v", got, err)
		}
		for _, bad := range []string{"shop.example", "https://shop.example/", "https://Shop.example", "ftp://a", "https://", "null", "https://*.example/a", "https://", "https://:1", "https://a.example:443", "http://a.example:80", "https://u@a.example"} {
			if _, err := ParseOrigins(bad); err == nil {
				t.Errorf("%q is accepted", bad)
			}
		}
		for _, pattern := range []string{"https://*.example.com", "https://shop.example,https://*", "*.example.com"} {
			if _, err := ParseOrigins(pattern); err == nil || !strings.Contains(err.Error(), "patterns are not supported") {
				t.Errorf("%q: got %v", pattern, err)
			}
		}
	})
}

// TestOriginsInTheCloud compares the CORS configuration with that of the cloud.
func TestOriginsInTheCloud(t *testing.T) {
	t.Parallel()
	file, diagnostics := hclparse.NewParser().ParseHCLFile("../../terraform/load_balancer.tf")
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	content, _, _ := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "locals"}}})
	cloud := map[string]string{}
	for _, block := range content.Blocks {
		attributes, _ := block.Body.JustAttributes()
		for name, attribute := range attributes {
			if value, diagnostics := attribute.Expr.Value(nil); !diagnostics.HasErrors() && strings.HasPrefix(name, "cors_") {
				cloud[name] = mustJoin(t, value)
			}
		}
	}
	here := map[string]string{"cors_methods": corsMethods, "cors_headers": corsHeaders, "cors_exposed": corsExposed, "cors_max_age": corsMaxAge}
	if diff := cmp.Diff(cloud, here); diff != "" {
		t.Errorf("(-cloud +gateway):\n%s", diff)
	}
	for _, header := range []string{"ETag", "Location", "Idempotency-Replayed", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id", api.HeaderTraceID} {
		if !slices.Contains(strings.Split(corsExposed, ", "), header) {
			t.Errorf("header %s is not exposed", header)
		}
	}
}

// mustJoin converts a number or a list of strings to the value of a header.
func mustJoin(t *testing.T, value cty.Value) string {
	t.Helper()
	if value.Type() == cty.Number {
		return value.AsBigFloat().String()
	}
	var texts []string
	for _, v := range value.AsValueSlice() {
		texts = append(texts, v.AsString())
	}
	return strings.Join(texts, ", ")
}
