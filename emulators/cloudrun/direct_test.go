package cloudrun

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDirect(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	direct := &platform{Platform: p.Platform, client: &http.Client{Transport: p.Direct(http.DefaultTransport)}}
	t.Run("a function receives and returns the same as at its URL", func(t *testing.T) {
		t.Parallel()
		type exchange struct {
			Status             int
			Body, Host, Client string
		}
		seen := func(p *platform) exchange {
			a := p.mustDo(t, http.MethodPost, "/echo", "body")
			return exchange{a.status, a.body, a.header.Get("X-Seen-Host"), a.header.Get("X-Seen-Forwarded-For")}
		}
		if diff := cmp.Diff(seen(p), seen(direct)); diff != "" {
			t.Errorf("(-URL +direct)\n%s", diff)
		}
		requireUnavailable(t, direct.mustDo(t, http.MethodPost, "/die", "body"))
	})
	t.Run("a request to another host takes its own way", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Forwarded-Host") == "" {
				w.WriteHeader(http.StatusTeapot)
			}
		}))
		defer other.Close()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, other.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := direct.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusTeapot {
			t.Errorf("status %d, %v; want that of the other host", response.StatusCode, err)
		}
		direct.client.CloseIdleConnections()
	})
}
