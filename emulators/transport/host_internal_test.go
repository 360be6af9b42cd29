package transport

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestHostRepeatsWhatWasNotSent shows that a POST request takes a new connection if nothing was
// written to the idle one. A connection of TCP that is closed is not reused in the first place,
// unless it closes at this moment.
func TestHostRepeatsWhatWasNotSent(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	h := NewHost(s.Listener.Addr().String(), time.Second)
	t.Cleanup(func() {
		h.CloseIdleConnections()
		s.Close()
	})
	idle, server := net.Pipe()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	h.put(newLink(idle))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || string(body) != "body" {
		t.Errorf("got %q, %v, want the body of the request", body, err)
	}
}
