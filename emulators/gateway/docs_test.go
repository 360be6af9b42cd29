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
	d := MustOpen(t, http.NotFound, func(o *Options) { o.OpenAPI = []byte(document) })

	t.Run("are a page that loads nothing from elsewhere", func(t *testing.T) {
		t.Parallel()
		page := d.MustDo(t, http.MethodGet, DocsPath, nil, nil)
		if page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
			t.Fatalf("got %+v", page)
		}
		if !strings.Contains(page.body, OpenAPIPath) {
			t.Error("the page does not show the document")
		}
		loads := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page.body, -1)
		if len(loads) < 4 {
			t.Errorf("the page loads only %v", loads)
		}
		for _, load := range loads {
			file := d.MustDo(t, http.MethodGet, load[1], nil, nil)
			if !strings.HasPrefix(load[1], "/") || file.status != http.StatusOK || file.body == "" {
				t.Errorf("%s is answered with %d and %d bytes", load[1], file.status, len(file.body))
			}
			if strings.HasPrefix(file.header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s has the type %s, which a browser told not to sniff does not run", load[1], file.header.Get("Content-Type"))
			}
		}
	})

	t.Run("come with a policy that allows what stands in the page, and no other script", func(t *testing.T) {
		t.Parallel()
		page := d.MustDo(t, http.MethodGet, DocsPath, nil, nil)
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

	t.Run("have the document beside them", func(t *testing.T) {
		t.Parallel()
		got := d.MustDo(t, http.MethodGet, OpenAPIPath, nil, nil)
		if got.status != http.StatusOK || got.body != document || got.header.Get("Content-Type") != "application/yaml" ||
			got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("have no other files", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/docs/", "/docs/embed.go", "/docs/swagger-ui.js", "/docs/../openapi", "/docs/oauth2-redirect.html"} {
			if got := d.MustDo(t, http.MethodGet, path, nil, nil); got.status == http.StatusOK {
				t.Errorf("%s is answered: %.80s", path, got.body)
			}
		}
	})

	t.Run("are not served without a document", func(t *testing.T) {
		t.Parallel()
		without := MustOpen(t, http.NotFound)
		for _, path := range []string{DocsPath, OpenAPIPath} {
			without.MustDo(t, http.MethodGet, path, nil, nil).MustBeProblem(t, http.StatusNotFound, "route_not_found")
		}
	})
}
