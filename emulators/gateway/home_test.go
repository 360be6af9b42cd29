package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"souk/functions"
)

// TestPages requests the gateway's own pages.
func TestPages(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, http.NotFound, func(o *Options) {
		o.OpenAPI, o.Links = functions.OpenAPI, []Link{MailLink("http://127.0.0.1:8025"), PaymentLink("http://127.0.0.1:8095")}
	})
	for path, want := range map[string]struct {
		status    int
		mediaType string
	}{
		"/":             {http.StatusOK, "text/html; charset=utf-8"},
		"/docs":         {http.StatusOK, "text/html; charset=utf-8"},
		"/docs/":        {http.StatusPermanentRedirect, "text/html; charset=utf-8"},
		"/openapi.yaml": {http.StatusOK, "application/yaml"},
		"/openapi.json": {http.StatusOK, "application/json"},
		"/favicon.ico":  {http.StatusOK, "image/x-icon"},
		LivenessPath:    {http.StatusOK, "text/plain; charset=utf-8"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			got := d.mustDo(t, method, path, nil, nil)
			if got.status != want.status || got.header.Get("Content-Type") != want.mediaType {
				t.Errorf("%s %s: %d %s, want %+v", method, path, got.status, got.header.Get("Content-Type"), want)
			}
		}
		d.mustDo(t, http.MethodPost, path, nil, nil).requireProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
	}
	if to := d.mustDo(t, http.MethodGet, "/docs/", nil, nil).header.Get("Location"); to != DocsPath {
		t.Errorf("/docs/ redirects to %q", to)
	}

	t.Run("the page at / lists every function and links to all other pages", func(t *testing.T) {
		t.Parallel()
		page := d.mustDo(t, http.MethodGet, "/", nil, nil)
		for _, f := range list().Functions {
			if !strings.Contains(page.body, "<code>"+f.Name+"</code>") {
				t.Errorf("%s is missing", f.Name)
			}
		}
		for _, link := range []string{DocsPath, OpenAPIPath, LivenessPath, "http://127.0.0.1:8025", "http://127.0.0.1:8095"} {
			if !strings.Contains(page.body, `href="`+link+`"`) {
				t.Errorf("the link to %s is missing", link)
			}
		}
		policy := page.header.Get("Content-Security-Policy")
		if strings.Contains(page.body, "<script") || strings.Contains(policy, "unsafe") || strings.Count(policy, "'sha256-") != 1 {
			t.Errorf("the policy is %s", policy)
		}
	})
	t.Run("the JSON and the YAML document are equal", func(t *testing.T) {
		t.Parallel()
		var fromJSON, fromYAML any
		if err := json.Unmarshal([]byte(d.mustDo(t, http.MethodGet, OpenAPIJSONPath, nil, nil).body), &fromJSON); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(functions.OpenAPI, &fromYAML); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(fromYAML)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, fromJSON); diff != "" {
			t.Errorf("the documents differ (-want +got):\n%s", diff)
		}
	})
	t.Run("the documentation replaces the example of a key and marks operations for staff", func(t *testing.T) {
		t.Parallel()
		page, script := d.mustDo(t, http.MethodGet, DocsPath, nil, nil), d.mustDo(t, http.MethodGet, "/docs/souk.js", nil, nil)
		for _, want := range []string{"requestInterceptor: soukDocs.requestInterceptor", "soukDocs.plugin"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		for _, want := range []string{"requestInterceptor(", "plugin:", `"Idempotency-Key"`, `"x-access"`} {
			if !strings.Contains(script.body, want) {
				t.Errorf("the script lacks %q", want)
			}
		}
		if !strings.Contains(string(functions.OpenAPI), "x-access: staff(orders.write)") {
			t.Error("the document does not mark operations for staff")
		}
	})
}
