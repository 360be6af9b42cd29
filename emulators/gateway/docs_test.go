package gateway

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	t.Parallel()
	const document = "openapi: 3.1.0\n"
	d := mustOpen(t, http.NotFound, func(o *Options) { o.OpenAPI = []byte(document) })

	t.Run("the page loads nothing from other hosts", func(t *testing.T) {
		t.Parallel()
		page := d.mustDo(t, http.MethodGet, DocsPath, nil, nil)
		if page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
			t.Fatalf("got %+v", page)
		}
		if !strings.Contains(page.body, OpenAPIPath) {
			t.Error("the page does not refer to the document")
		}
		loads := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page.body, -1)
		if len(loads) < 4 {
			t.Errorf("the page loads only %v", loads)
		}
		for _, load := range loads {
			file := d.mustDo(t, http.MethodGet, load[1], nil, nil)
			if !strings.HasPrefix(load[1], "/") || file.status != http.StatusOK || file.body == "" {
				t.Errorf("%s responds with %d and %d bytes", load[1], file.status, len(file.body))
			}
			if strings.HasPrefix(file.header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s has the type %s, which a browser does not run with nosniff", load[1], file.header.Get("Content-Type"))
			}
		}
	})

	t.Run("the policy allows the inline scripts of the page only", func(t *testing.T) {
		t.Parallel()
		page := d.mustDo(t, http.MethodGet, DocsPath, nil, nil)
		policy := page.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self' 'sha256-", "frame-ancestors 'none'", "connect-src 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy lacks %s: %s", want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("the policy is %s", policy)
		}
		if hashes, inline := strings.Count(policy, "'sha256-"), strings.Count(page.body, "<script>")+strings.Count(page.body, "<style>"); hashes != inline {
			t.Errorf("%d of %d scripts and styles are allowed", hashes, inline)
		}
	})

	t.Run("the OpenAPI document is served", func(t *testing.T) {
		t.Parallel()
		got := d.mustDo(t, http.MethodGet, OpenAPIPath, nil, nil)
		if got.status != http.StatusOK || got.body != document || got.header.Get("Content-Type") != "application/yaml" ||
			got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("no other files are served", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/docs/", "/docs/embed.go", "/docs/swagger-ui.js", "/docs/../openapi", "/docs/oauth2-redirect.html"} {
			if got := d.mustDo(t, http.MethodGet, path, nil, nil); got.status == http.StatusOK {
				t.Errorf("%s responds with 200: %.80s", path, got.body)
			}
		}
	})

	t.Run("nothing is served without a document", func(t *testing.T) {
		t.Parallel()
		without := mustOpen(t, http.NotFound)
		for _, path := range []string{DocsPath, OpenAPIPath} {
			without.mustDo(t, http.MethodGet, path, nil, nil).requireProblem(t, http.StatusNotFound, "route_not_found")
		}
	})
}
