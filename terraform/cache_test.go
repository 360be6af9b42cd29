package terraform_test

import (
	"slices"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

// TestCache compares the CDN of every backend with functions.yaml, which the functions'
// Cache-Control is made of: on for exactly those with `cache`, bypassed by a request
// with Authorization, and never for errors.
func TestCache(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"dev", "prod"} {
		t.Run(environment, func(t *testing.T) {
			t.Parallel()
			for _, err := range cacheErrors(mustPlanOf(t, environment), functions.Manifest().Functions) {
				t.Error(err)
			}
		})
	}
}

func cacheErrors(p plan, list []manifest.Function) (errs []string) {
	backends := map[string]resource{}
	for _, backend := range p.of("google_compute_backend_service") {
		backends[backend.text("name")] = backend
	}
	for _, f := range list {
		if f.HTTP == "" {
			continue
		}
		backend, found := backends[f.Name]
		cached := f.Cache != nil
		switch {
		case !found:
			errs = append(errs, f.Name+" has no backend")
		case (backend.text("enable_cdn") == "true") != cached || (backend.at("cdn_policy", 0) != nil) != cached:
			errs = append(errs, f.Name+": the CDN is on where functions.yaml has no cache, or off where it has one")
		case cached:
			errs = append(errs, policyErrors(backend, f)...)
		}
	}
	return errs
}

func policyErrors(backend resource, f manifest.Function) (errs []string) {
	for name, want := range map[string]any{
		"cache_mode":        "USE_ORIGIN_HEADERS",
		"negative_caching":  false,
		"serve_while_stale": f.Cache.StaleWhileRevalidate.Seconds(),
	} {
		if got := backend.at("cdn_policy", 0, name); got != want {
			errs = append(errs, f.Name+": "+name+" is "+backend.text("cdn_policy", 0, name))
		}
	}
	if got := backend.text("cdn_policy", 0, "bypass_cache_on_request_headers", 0, "header_name"); got != "Authorization" {
		errs = append(errs, f.Name+": a request with Authorization does not bypass the cache")
	}
	for name, want := range map[string]any{"include_host": true, "include_protocol": false, "include_query_string": true} {
		if got := backend.at("cdn_policy", 0, "cache_key_policy", 0, name); got != want {
			errs = append(errs, f.Name+": "+name+" of the cache key is "+backend.text("cdn_policy", 0, "cache_key_policy", 0, name))
		}
	}
	return errs
}

// TestCacheFinds has the check find a policy for a function without cache, and one that
// Authorization does not bypass.
func TestCacheFinds(t *testing.T) {
	t.Parallel()
	policy := map[string]any{
		"cache_mode": "USE_ORIGIN_HEADERS", "negative_caching": false, "serve_while_stale": 30.0,
		"cache_key_policy": []any{map[string]any{"include_host": true, "include_protocol": false, "include_query_string": true}},
	}
	backend := func(name string) resource {
		return resource{Type: "google_compute_backend_service", Values: map[string]any{"name": name, "enable_cdn": true, "cdn_policy": []any{policy}}}
	}
	var p plan
	p.PlannedValues.RootModule.Resources = []resource{backend("product-get"), backend("order-get")}
	list := slices.DeleteFunc(slices.Clone(functions.Manifest().Functions), func(f manifest.Function) bool {
		return f.Name != "product-get" && f.Name != "order-get"
	})
	want := []string{
		"product-get: a request with Authorization does not bypass the cache",
		"order-get: the CDN is on where functions.yaml has no cache, or off where it has one",
	}
	if got := cacheErrors(p, list); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
