package transport_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/emulators/transport"
)

// rawServer is a TCP server that counts the requests it has read.
type rawServer struct {
	url      string
	requests atomic.Int64
}

// mustServeRaw returns a server and two transports to it. To request n, counted from 1, the
// server writes the text of respond, and closes the connection unless it stays open.
func mustServeRaw(t *testing.T, respond func(n int64) (text string, open bool)) (*rawServer, map[string]http.RoundTripper) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{url: "http://" + listener.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.serve(conn, respond) })
		}
	})
	h, standard := transport.NewHost(listener.Addr().String(), time.Second), transport.New(time.Second)
	t.Cleanup(func() {
		h.CloseIdleConnections()
		standard.CloseIdleConnections()
		_ = listener.Close()
		all.Wait()
	})
	return s, map[string]http.RoundTripper{"Host": h, "http.Transport": standard}
}

func (s *rawServer) serve(conn net.Conn, respond func(n int64) (string, bool)) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		text, open := respond(s.requests.Add(1))
		if _, err := io.WriteString(conn, text); err != nil || !open {
			return
		}
	}
}

// trySend returns the status of the response, or an error.
func (s *rawServer) trySend(t *testing.T, to http.RoundTripper, method, body string, header ...string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range header {
		r.Header.Set(name, "key")
	}
	response, err := to.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func withHeader(bytes int, response string) string {
	return strings.Replace(response, "\r\n", "\r\nX-Long: "+strings.Repeat("x", bytes)+"\r\n", 1)
}

func TestHostLimitsHeaders(t *testing.T) {
	t.Parallel()
	early := "HTTP/1.1 103 Early Hints\r\n\r\n"
	for name, c := range map[string]struct {
		response string
		tooLong  bool
	}{
		"9 MiB":                     {withHeader(9<<20, ok), false},
		"11 MiB":                    {withHeader(11<<20, ok), true},
		"50 informational":          {strings.Repeat(early, 50) + ok, false},
		"11 informational of 1 MiB": {strings.Repeat(withHeader(1<<20, early), 11) + ok, true},
		"a body of 11 MiB":          {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 11<<20, strings.Repeat("x", 11<<20)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, transports := mustServeRaw(t, func(int64) (string, bool) { return c.response, true })
			for name, to := range transports {
				for range 2 { // the limit is that of an exchange, not of the connection
					status, err := s.trySend(t, to, http.MethodPost, "body")
					if c.tooLong && (err == nil || !strings.Contains(err.Error(), "exceed")) {
						t.Errorf("%s: got %d, %v, want that the header is too long", name, status, err)
					}
					if c.tooLong {
						break // with the connection
					}
					if err != nil || status != http.StatusOK {
						t.Errorf("%s: got %d, %v, want 200", name, status, err)
					}
				}
			}
		})
	}
}

// TestHostRefusesStatuses shows that a status below 100 is not that of an informational
// response. http.Transport returns 000 and 099, with which a http.ResponseWriter panics.
func TestHostRefusesStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"000", "099", "99", "0", "-01", "1000", "abc"} {
		s, transports := mustServeRaw(t, func(int64) (string, bool) { return "HTTP/1.1 " + status + " Odd\r\nContent-Length: 0\r\n\r\n", true })
		if got, err := s.trySend(t, transports["Host"], http.MethodPost, "body"); err == nil || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("status %s: got %d, %v, want that it is malformed", status, got, err)
		}
	}
}

func TestHostRepeatsRequests(t *testing.T) {
	t.Parallel()
	const empty = "HTTP/1.1 204 No Content\r\n\r\n"
	for _, c := range []struct {
		method, body, header string
		second               string // the response to the second request
		host, standard       int64  // requests in total: 3 is a repetition
	}{
		{http.MethodGet, "", "", "", 3, 3},
		{http.MethodHead, "", "", "", 3, 3},
		{http.MethodOptions, "body", "", "", 3, 3},
		{http.MethodTrace, "", "", "", 3, 3},
		{http.MethodPost, "body", "", "", 2, 2},
		{http.MethodDelete, "", "", "", 2, 2},
		{http.MethodPost, "body", "Idempotency-Key", "", 2, 3},
		{http.MethodGet, "", "", "HTTP/1.1 200", 2, 2},
	} {
		t.Run(fmt.Sprintf("%s %s %q", c.method, c.header, c.second), func(t *testing.T) {
			t.Parallel()
			for name, want := range map[string]int64{"Host": c.host, "http.Transport": c.standard} {
				s, transports := mustServeRaw(t, func(n int64) (string, bool) {
					if n == 2 {
						return c.second, false
					}
					return empty, true
				})
				if _, err := s.trySend(t, transports[name], http.MethodPost, "body"); err != nil {
					t.Fatal(err)
				}
				var header []string
				if c.header != "" {
					header = []string{c.header}
				}
				_, err := s.trySend(t, transports[name], c.method, c.body, header...)
				if got := s.requests.Load(); got != want || (err == nil) != (want == 3) {
					t.Errorf("%s: %d requests, %v, want %d", name, got, err, want)
				}
			}
		})
	}
}

func TestHostRepeatsOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ responses, requests int64 }{
		"a request on a new connection is not repeated": {0, 1},
		"a repeated request is not repeated again":      {1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, transports := mustServeRaw(t, func(n int64) (string, bool) {
				if n <= c.responses {
					return ok, true
				}
				return "", false
			})
			for range c.responses {
				if _, err := s.trySend(t, transports["Host"], http.MethodGet, ""); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.trySend(t, transports["Host"], http.MethodGet, ""); err == nil || transport.IsDial(err) {
				t.Errorf("got %v, want that the connection ended", err)
			}
			if got := s.requests.Load(); got != c.requests {
				t.Errorf("%d requests, want %d", got, c.requests)
			}
		})
	}
}
