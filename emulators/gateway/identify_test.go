package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestCloudRun sends requests to functions that IAM guards.
func TestCloudRun(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 1)
	d := mustOpen(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Clone(context.Background()) }, func(o *Options) {
		o.Tokens = func(_ context.Context, audience string) (string, error) { return "token-for-" + audience, nil }
	})
	sent := http.Header{
		"Authorization": {"Bearer customer"}, serverlessAuthorization: {"Bearer forged"},
		"X-Forwarded-For": {"198.51.100.1, 192.0.2.7"}, // by the client, by Cloud Run's front end
	}
	if got := d.mustDo(t, http.MethodGet, "/v1/products/1", sent, nil); got.status != http.StatusOK {
		t.Fatalf("got %+v", got)
	}
	got := <-seen
	for name, want := range map[string]string{
		"Authorization": "Bearer customer", serverlessAuthorization: "Bearer token-for-http://" + got.Host, "X-Forwarded-For": "192.0.2.7",
	} {
		if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("the function got %s %q, want %q", name, values, want)
		}
	}
	if strings.TrimPrefix(d.url, "http://") == got.Host {
		t.Errorf("the function is called %s, the gateway's own name", got.Host)
	}
}

func TestCloudRunWithoutToken(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, func(http.ResponseWriter, *http.Request) { t.Error("the function was called") }, func(o *Options) {
		o.Tokens = func(context.Context, string) (string, error) { return "", errors.New("no metadata server") }
	})
	d.mustDo(t, http.MethodGet, "/v1/products/1", nil, nil).requireProblem(t, http.StatusBadGateway, "bad_gateway")
}

// TestMetadataTokens gets tokens from a metadata server, each once.
func TestMetadataTokens(t *testing.T) { // not parallel: the server's address is a variable of the process
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" || !strings.HasSuffix(r.URL.Path, "/instance/service-accounts/default/identity") {
			http.NotFound(w, r)
			return
		}
		asked++
		if _, err := w.Write([]byte("token-for-" + r.URL.Query().Get("audience"))); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GCE_METADATA_HOST", address.Host)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("HOME", t.TempDir())
	tokens := MetadataTokens()
	for _, audience := range []string{"https://a.run.app", "https://b.run.app", "https://a.run.app"} {
		if got, err := tokens(t.Context(), audience); err != nil || got != "token-for-"+audience {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if asked != 2 {
		t.Errorf("the metadata server was asked %d times, want 2", asked)
	}
}
