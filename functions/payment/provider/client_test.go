package provider_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/functions/payment/provider"
)

func TestClientBoundsResponses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.WriteString(w, strings.Repeat("a", len(r.URL.Query().Get("body")))); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	client := provider.NewClient(nil, 10)
	for size, ok := range map[int]bool{0: true, 1: true, 9: true, 10: true, 11: false, 1000: false} {
		response, err := client.Get(server.URL + "/?body=" + strings.Repeat("b", size))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if ok && (err != nil || len(body) != size) || !ok && (!errors.Is(err, provider.ErrTooLarge) || len(body) > 10) {
			t.Errorf("%d bytes: read %d, %v", size, len(body), err)
		}
		if _, again := io.ReadAll(response.Body); !ok && !errors.Is(again, provider.ErrTooLarge) && size > 20 {
			t.Errorf("%d bytes: another read returns %v", size, again)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestClientFollowsNoRedirect requires that the API key is not sent to another address.
func TestClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	response, err := provider.NewClient(nil, 1000).Get(server.URL)
	if err != nil || response.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("got %v, %v", response, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}
