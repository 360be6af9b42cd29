package gateway

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
	"go.yaml.in/yaml/v3"
)

// Paths of the documentation.
const (
	DocsPath        = "/docs"
	OpenAPIPath     = "/openapi.yaml"
	OpenAPIJSONPath = "/openapi.json"
)

// docsFiles are the files that the page loads. They are embedded and need no network.
var docsFiles = []string{
	"swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-16x16.png", "favicon-32x32.png",
}

//go:embed page/docs.js
var docsScript []byte

//go:embed page/docs.css
var docsStyle []byte

// docsNote is a text above the operations about the additions to the page.
const docsNote = `<p class="souk-note">Each <code>POST</code> gets a new <code>Idempotency-Key</code>, unless you enter one. ` +
	`Operations marked with a permission, such as <span class="souk-staff">orders.write</span>, need the token of staff: ` +
	`log in with <code>POST /v1/sessions</code>, then press Authorize.</p>`

// inline matches the scripts and styles in a page.
var inline = regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`)

// addDocs adds the routes of an OpenAPI document and of an interactive page.
func (g *Gateway) addDocs(document []byte) error {
	ui := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "Souk", SwaggerJSON: OpenAPIPath, BasePath: DocsPath,
		AppendHead:  `<link rel="stylesheet" href="` + DocsPath + `/souk.css"><script src="` + DocsPath + `/souk.js"></script>`,
		PrependHTML: docsNote,
		SettingsUI: map[string]string{
			"persistAuthorization": "true", "tryItOutEnabled": "true", "showExtensions": "false",
			"requestInterceptor": "soukDocs.requestInterceptor",
			"plugins":            "[SwaggerUIBundle.plugins.DownloadUrl, soukDocs.plugin]",
		},
	})
	request, err := http.NewRequest(http.MethodGet, DocsPath, http.NoBody) //nolint:noctx // it is not sent
	if err != nil {
		return fmt.Errorf("render the documentation page: %w", err)
	}
	rendered := &recorder{header: http.Header{}}
	ui.ServeHTTP(rendered, request)
	if rendered.status >= http.StatusBadRequest {
		return fmt.Errorf("render the documentation page: %s", rendered.body.String())
	}
	page := bytes.TrimSpace(rendered.body.Bytes())
	policy := contentPolicy(page)
	g.router.Handle("GET "+DocsPath, documentation(policy, content("text/html; charset=utf-8", page)))
	g.router.Handle("GET "+DocsPath+"/{$}", http.RedirectHandler(DocsPath, http.StatusPermanentRedirect))
	g.router.Handle("GET "+DocsPath+"/souk.js", documentation(policy, content("text/javascript; charset=utf-8", docsScript)))
	g.router.Handle("GET "+DocsPath+"/souk.css", documentation(policy, content("text/css; charset=utf-8", docsStyle)))
	asJSON, err := toJSON(document)
	if err != nil {
		return err
	}
	g.router.Handle("GET "+OpenAPIPath, documentation(policy, content("application/yaml", document)))
	g.router.Handle("GET "+OpenAPIJSONPath, documentation(policy, content("application/json", asJSON)))
	for _, file := range docsFiles {
		g.router.Handle("GET "+DocsPath+"/"+file, documentation(policy, ui))
	}
	return nil
}

// toJSON converts a YAML document to JSON.
func toJSON(document []byte) ([]byte, error) {
	var data any
	if err := yaml.Unmarshal(document, &data); err != nil {
		return nil, fmt.Errorf("parse the OpenAPI document: %w", err)
	}
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the OpenAPI document as JSON: %w", err)
	}
	return append(text, '\n'), nil
}

// contentPolicy returns a policy that allows the inline scripts and styles of a page by
// their hashes, files of this host, and requests to this host (CSP Level 3).
func contentPolicy(page []byte) string {
	allowed := map[string]string{"script": "", "style": ""}
	for _, match := range inline.FindAllSubmatch(page, -1) {
		hash := sha256.Sum256(match[2])
		allowed[string(match[1])] += " 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	}
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'" + allowed["script"], "style-src 'self'" + allowed["style"],
		"img-src 'self' data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
}

// documentation returns next with the security headers of a page.
func documentation(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// content returns a handler that serves a fixed body.
func content(mediaType string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		if _, err := w.Write(body); err != nil {
			slog.DebugContext(r.Context(), "write the response", "error", err)
		}
	})
}

// recorder is an http.ResponseWriter that stores the response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
