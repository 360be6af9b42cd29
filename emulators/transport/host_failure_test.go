package transport_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/transport"
)

func TestHostEndsWithTheContext(t *testing.T) {
	t.Parallel()
	hanging, release := make(chan struct{}), make(chan struct{})
	s, h := mustServe(t, func(http.ResponseWriter, *http.Request) {
		close(hanging)
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-hanging
		cancel()
	}()
	response, err := h.RoundTrip(r)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context ended", err)
	}
}

func TestHostReportsInformationalResponses(t *testing.T) {
	t.Parallel()
	s, h := mustServe(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})
	var codes []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		codes = append(codes, code)
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, http.NoBody)
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
	if diff := cmp.Diff([]int{http.StatusProcessing, http.StatusEarlyHints, http.StatusTeapot}, append(codes, response.StatusCode)); diff != "" {
		t.Errorf("statuses (-want +got)\n%s", diff)
	}
}

func TestHostErrors(t *testing.T) {
	t.Parallel()
	send := func(t *testing.T, h *transport.Host, body io.Reader, length int64) error {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://host/", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = length
		response, err := h.RoundTrip(r)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	t.Run("a server that does not listen refuses the connection", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, echo)
		s.Close()
		if err := send(t, h, strings.NewReader("x"), 1); !transport.IsDial(err) {
			t.Errorf("got %v, want a refused connection", err)
		}
	})
	t.Run("a server that ends without a response did not refuse it", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		})
		_ = s
		if err := send(t, h, strings.NewReader("x"), 1); err == nil || transport.IsDial(err) {
			t.Errorf("got %v, want that the connection ended", err)
		}
	})
	t.Run("the error of a body is returned and the connection is used again", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, echo)
		broken := errors.New("broken")
		for range 3 {
			if err := send(t, h, io.MultiReader(strings.NewReader("be"), failing{broken}), 9); !errors.Is(err, broken) {
				t.Errorf("got %v, want %v", err, broken)
			}
		}
		if n := s.connections.Load(); n > 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
	t.Run("a response that is not HTTP is an error", func(t *testing.T) {
		t.Parallel()
		s, h := mustServe(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			writer := bufio.NewWriter(conn)
			_, _ = writer.WriteString("nonsense\r\n\r\n")
			_ = writer.Flush()
			_ = conn.Close()
		})
		_ = s
		if err := send(t, h, strings.NewReader("x"), 1); err == nil {
			t.Error("nonsense is a response")
		}
	})
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
