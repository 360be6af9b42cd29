package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkGateway measures a request through the gateway and one sent directly.
func BenchmarkGateway(b *testing.B) {
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
	defer function.Close()
	g, err := New(Options{Manifest: list(), Logger: slog.New(slog.DiscardHandler), Backend: func(string) string { return function.URL }})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	front := httptest.NewServer(g)
	defer front.Close()
	for name, url := range map[string]string{"direct": function.URL, "through the gateway": front.URL} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				response, err := http.Get(url + "/v1/products/1")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
					b.Fatal(response.Status, err)
				}
				if err := response.Body.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// canned is a function in memory.
type canned struct{}

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: 2, Body: io.NopCloser(strings.NewReader("{}")),
		Header: http.Header{
			"Content-Type": {"application/json"}, "Cache-Control": {"public, max-age=5"}, "Etag": {`"1"`},
			"Trace-Id": {"4bf92f3577b34da6a3ce929d0e0e4736"}, "X-Request-Id": {"id"}, "X-Content-Type-Options": {"nosniff"},
			"Date": {"Sun, 29 Nov 2026 02:49:16 GMT"}, "Content-Length": {"2"},
		},
	}, nil
}

// blank is a http.ResponseWriter that drops the response.
type blank struct{ header http.Header }

func (b *blank) Header() http.Header           { return b.header }
func (*blank) WriteHeader(int)                 {}
func (*blank) Write(piece []byte) (int, error) { return len(piece), nil }

// BenchmarkHandler measures the gateway without its connections.
func BenchmarkHandler(b *testing.B) {
	g, err := New(Options{
		Manifest: list(), Logger: slog.New(slog.DiscardHandler), Backend: func(string) string { return "http://127.0.0.1:1" },
		Transport: func(string) http.RoundTripper { return canned{} },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	ctx, cancel := context.WithCancel(context.WithValue(b.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}))
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/v1/products/1", http.NoBody)
		r.RemoteAddr = "127.0.0.1:40000"
		r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"bench"}}
		g.ServeHTTP(&blank{http.Header{}}, r)
	}
}
