package transport_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"souk/emulators/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an HTTP server that counts its connections.
type server struct {
	*httptest.Server
	connections atomic.Int64
}

func mustServe(t *testing.T, handler http.HandlerFunc) (*server, *transport.Host) {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(handler)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Start()
	h := transport.NewHost(s.Listener.Addr().String(), time.Second)
	t.Cleanup(func() {
		h.CloseIdleConnections()
		s.Close()
	})
	return s, h
}

type exchange struct {
	Status int
	Header http.Header
	Body   string
	Length int64
}

func mustSend(t *testing.T, to http.RoundTripper, method, url string, body io.Reader, header ...string) exchange {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := to.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	response.Header.Del("Date")
	return exchange{response.StatusCode, response.Header, string(text), response.ContentLength}
}

// echo returns what it received, in the form that the query asks for.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.URL.Query().Has("empty") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.URL.Query().Has("close") {
		w.Header().Set("Connection", "close")
	}
	fmt.Fprintln(w, r.Method, r.URL, r.Host, r.ContentLength, r.TransferEncoding, r.Header)
	if r.URL.Query().Has("chunks") {
		w.(http.Flusher).Flush()
	}
	_, _ = w.Write(body)
}

func TestHostIsLikeTransport(t *testing.T) {
	t.Parallel()
	s, h := mustServe(t, echo)
	standard := transport.New(time.Second)
	t.Cleanup(standard.CloseIdleConnections)
	long := strings.Repeat("x", 100_000)
	for _, path := range []string{"/", "/a%2Fb?c=d%20e", "/?empty", "/?chunks", "/?close"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
			for _, body := range []string{"", "short", long} {
				send := func(to http.RoundTripper) exchange {
					return mustSend(t, to, method, s.URL+path, strings.NewReader(body), "X-Test", "value", "User-Agent", "test")
				}
				if diff := cmp.Diff(send(standard), send(h)); diff != "" {
					t.Errorf("%s %s with %d bytes (-http.Transport +Host)\n%s", method, path, len(body), diff)
				}
			}
		}
	}
	unknown := func(to http.RoundTripper) exchange {
		return mustSend(t, to, http.MethodPost, s.URL, io.MultiReader(strings.NewReader("of unknown length")))
	}
	if diff := cmp.Diff(unknown(standard), unknown(h)); diff != "" {
		t.Errorf("a body of unknown length (-http.Transport +Host)\n%s", diff)
	}
}

func TestHostReusesConnections(t *testing.T) {
	t.Parallel()
	t.Run("a connection is used again after a response that was read", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, echo)
		for range 10 {
			mustSend(t, h, http.MethodPost, s.URL, strings.NewReader("body"))
			mustSend(t, h, http.MethodGet, s.URL+"/?empty", http.NoBody)
		}
		if n := s.connections.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
	t.Run("a connection that the server has closed is not used again", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, echo)
		for range 10 {
			mustSend(t, h, http.MethodPost, s.URL, strings.NewReader("body"))
			s.CloseClientConnections()
		}
	})
	t.Run("a connection is closed after a response that was not read", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, echo)
		for range 3 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := h.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.connections.Load(); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
	})
	t.Run("a connection has one request at a time", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, echo)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				want := fmt.Sprint("body ", i)
				if got := mustSend(t, h, http.MethodPost, s.URL, strings.NewReader(want)); !strings.HasSuffix(got.Body, want) {
					t.Errorf("got %q, want %q", got.Body, want)
				}
			})
		}
		all.Wait()
	})
}
