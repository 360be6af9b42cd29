package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/emulators/pool"
)

// countBody is a function that responds with the length of the body.
func countBody(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, n)
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	var long atomic.Int64
	d := mustOpen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 100 {
			long.Add(1)
		}
		countBody(w, r)
	}, func(o *Options) { o.Manifest.Functions[0].MaxBody = 100 })
	t.Cleanup(func() {
		if n := long.Load(); n != 0 {
			t.Errorf("%d bodies with an excessive Content-Length reached the function", n)
		}
	})
	for _, announced := range []bool{true, false} {
		body := func(n int) io.Reader {
			if announced {
				return strings.NewReader(strings.Repeat("x", n))
			}
			return io.MultiReader(strings.NewReader(strings.Repeat("x", n))) // chunked
		}
		t.Run(fmt.Sprintf("a body of the limit is forwarded, with Content-Length: %t", announced), func(t *testing.T) {
			t.Parallel()
			if a := d.mustDo(t, http.MethodPost, "/v1/products", nil, body(100)); a.status != http.StatusOK || a.body != "100" {
				t.Errorf("got %+v", a)
			}
		})
		t.Run(fmt.Sprintf("a longer body is rejected, with Content-Length: %t", announced), func(t *testing.T) {
			t.Parallel()
			d.mustDo(t, http.MethodPost, "/v1/products", nil, body(101)).
				requireProblem(t, http.StatusRequestEntityTooLarge, "body_too_large")
		})
	}
}

func TestUnreadableBody(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, countBody)
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/products HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %+v", response)
	}
}

// busy is the way to a function all of whose replicas are busy.
type busy struct{}

func (busy) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("wait for a replica: %w", pool.ErrFull)
}

func TestFunctionWithoutResponse(t *testing.T) {
	t.Parallel()
	t.Run("an unreachable function is a 503 with Retry-After", func(t *testing.T) {
		t.Parallel()
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := closed.Close(); err != nil {
			t.Fatal(err)
		}
		d := mustOpen(t, countBody, func(o *Options) {
			o.Backend = func(string) string { return "http://" + closed.Addr().String() }
		})
		a := d.mustDo(t, http.MethodPost, "/v1/products", nil, strings.NewReader("{}"))
		a.requireProblem(t, http.StatusServiceUnavailable, "unavailable")
		if a.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
		}
		if l := d.mustLog(t, a.header.Get("X-Request-Id")); l.Severity != "WARNING" || l.Error == "" || l.Function != "product-create" {
			t.Errorf("logged %+v", l)
		}
		if strings.Contains(a.body, "127.0.0.1") {
			t.Errorf("the response reveals an internal address: %s", a.body)
		}
	})
	t.Run("a busy function is a 429 with Retry-After", func(t *testing.T) {
		t.Parallel()
		d := mustOpen(t, countBody, func(o *Options) {
			o.Transport = func(string) http.RoundTripper { return busy{} }
		})
		a := d.mustDo(t, http.MethodPost, "/v1/products", nil, strings.NewReader("{}"))
		a.requireProblem(t, http.StatusTooManyRequests, "too_many_requests")
		if a.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
		}
	})
	t.Run("an aborted response is a 502", func(t *testing.T) {
		t.Parallel()
		d := mustOpen(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		d.mustDo(t, http.MethodPost, "/v1/products", nil, strings.NewReader("{}")).
			requireProblem(t, http.StatusBadGateway, "bad_gateway")
	})
	t.Run("a timeout is a 504", func(t *testing.T) {
		t.Parallel()
		d := mustOpen(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(o *Options) { o.Timeout = time.Millisecond })
		d.mustDo(t, http.MethodGet, "/v1/products/1", nil, nil).requireProblem(t, http.StatusGatewayTimeout, "timeout")
	})
	t.Run("a response aborted after its header is aborted for the client", func(t *testing.T) {
		t.Parallel()
		d := mustOpen(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "first chunk")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/v1/products/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Request-Id", "half")
		if response, err := d.client.Do(r); err == nil {
			defer response.Body.Close()
			if _, err := io.ReadAll(response.Body); err == nil {
				t.Error("the aborted response looks complete")
			}
		}
		if l := d.mustLog(t, "half"); !strings.Contains(l.Error, "incomplete response") || l.Severity != "WARNING" {
			t.Errorf("logged %+v", l)
		}
	})
	t.Run("a disconnected client is not an error", func(t *testing.T) {
		t.Parallel()
		inside := make(chan struct{})
		d := mustOpen(t, func(_ http.ResponseWriter, r *http.Request) {
			close(inside)
			<-r.Context().Done()
		})
		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/v1/products/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Request-Id", "disconnected")
		go func() {
			<-inside
			leave()
		}()
		if _, err := d.client.Do(r); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if l := d.mustLog(t, "disconnected"); l.Status != statusClientClosed || l.Error != "" || l.Severity != "INFO" {
			t.Errorf("logged %+v", l)
		}
	})
}

func TestServe(t *testing.T) {
	t.Parallel()
	t.Run("Serve waits for a running request", func(t *testing.T) {
		t.Parallel()
		inside, finish := make(chan struct{}), make(chan struct{})
		d := mustOpen(t, func(w http.ResponseWriter, _ *http.Request) {
			close(inside)
			<-finish
			fmt.Fprint(w, "finished")
		})
		var work sync.WaitGroup
		work.Go(func() {
			response, err := d.client.Get(d.url + "/v1/products/1")
			if err != nil {
				t.Errorf("a request in flight was dropped: %v", err)
				return
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "finished" {
				t.Errorf("got %q, %v", body, err)
			}
		})
		<-inside
		stopped := make(chan error)
		go func() { stopped <- d.stop() }()
		waitUntilClosed(t, d.url)
		close(finish)
		work.Wait()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	t.Run("Serve returns the error of the listener", func(t *testing.T) {
		t.Parallel()
		g, err := New(Options{Manifest: list(), Backend: func(string) string { return "http://127.0.0.1:1" }})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if err := Serve(t.Context(), listener, g); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// waitUntilClosed waits until the port of a URL is closed.
func waitUntilClosed(t *testing.T, url string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second)
		if err != nil && !os.IsTimeout(err) {
			return
		}
		if err == nil {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatalf("%s still accepts connections", url)
}
