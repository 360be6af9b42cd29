package terraform_test

import (
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// taggedOperations returns the operations that respond with an ETag, by openapi.yaml.
func taggedOperations(t *testing.T) (tagged []string) {
	t.Helper()
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string `yaml:"operationId"`
			Responses   map[string]struct{ Headers map[string]any }
		}
	}
	if err := yaml.Unmarshal([]byte(mustRead(t, "../functions/openapi.yaml")), &document); err != nil {
		t.Fatal(err)
	}
	for _, operations := range document.Paths {
		for _, operation := range operations {
			for _, response := range operation.Responses {
				if _, has := response.Headers["ETag"]; has {
					tagged = append(tagged, operation.OperationID)
				}
			}
		}
	}
	slices.Sort(tagged)
	return slices.Compact(tagged)
}

// TestCompression compares what the load balancer compresses with what has an ETag:
// compression makes a strong one weak, and no If-Match has it any more.
func TestCompression(t *testing.T) {
	t.Parallel()
	tagged := taggedOperations(t)
	if len(tagged) < 5 || !slices.Contains(tagged, "product-get") {
		t.Fatalf("operations with an ETag are %q", tagged)
	}
	var compressed []string
	for _, backend := range mustPlanOf(t, "prod").of("google_compute_backend_service") {
		if backend.text("compression_mode") == "AUTOMATIC" {
			compressed = append(compressed, backend.text("name"))
			if backend.text("enable_cdn") != "true" {
				t.Errorf("%s is compressed, and has no Cloud CDN, whose feature that is", backend.Address)
			}
		}
	}
	for _, name := range compressed {
		if slices.Contains(tagged, name) {
			t.Errorf("%s is compressed, and has an ETag", name)
		}
	}
	if len(compressed) == 0 {
		t.Error("nothing is compressed")
	}
}

// TestSecurityHeaders requires the load balancer's headers on every response.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	for _, urls := range mustPlanOf(t, "prod").of("google_compute_url_map") {
		if urls.at("default_url_redirect", 0) != nil {
			continue // plain HTTP, where browsers ignore them
		}
		got := map[string]string{}
		for _, header := range urls.blocks("header_action.response_headers_to_add") {
			got[header.text("header_name")] = header.text("header_value")
			if header.text("replace") != "true" {
				t.Errorf("%s: a header is added to that of a function, and not instead of it", urls.Address)
			}
		}
		for name, want := range map[string]string{
			"Strict-Transport-Security": "max-age=31536000", // a year: https://hstspreload.org
			"X-Content-Type-Options":    "nosniff",
			"X-Frame-Options":           "DENY",
			"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
			"Referrer-Policy":           "no-referrer",
		} {
			if got[name] != want {
				t.Errorf("%s: %s is %q, want %q", urls.Address, name, got[name], want)
			}
		}
	}
}
