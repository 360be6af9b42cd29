package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestExpect sends a body after the gateway's 100 (Continue), and checks that the final
// response has the headers that the gateway adds to every response.
func TestExpect(t *testing.T) {
	t.Parallel()
	const origin, sent = "https://shop.example", `{"name":"Tea"}`
	for name, backend := range map[string]http.HandlerFunc{
		"the function reads the body": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Accept")
			countBody(w, r)
		},
		"the function sends early hints": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Accept")
			w.WriteHeader(http.StatusEarlyHints)
			countBody(w, r)
		},
		"the function aborts": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, backend, func(o *Options) { o.Origins = []string{origin} })
			conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			mustWrite(t, conn, fmt.Sprintf("POST /v1/products HTTP/1.1\r\nHost: localhost\r\nOrigin: %s\r\nX-Request-Id: expect-1\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", origin, len(sent)))
			reader := bufio.NewReader(conn)
			statuses := []int{}
			for {
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatalf("after %v: %v", statuses, err)
				}
				statuses = append(statuses, response.StatusCode)
				if response.StatusCode == http.StatusContinue && len(statuses) == 1 {
					mustWrite(t, conn, sent)
				}
				if response.StatusCode < http.StatusOK {
					continue
				}
				defer response.Body.Close()
				requireOwnHeaders(t, response, origin)
				return
			}
		})
	}
}

func mustWrite(t *testing.T, to io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

func requireOwnHeaders(t *testing.T, response *http.Response, origin string) {
	t.Helper()
	vary := response.Header.Values("Vary")
	for name, want := range map[string]string{
		"X-Request-Id": "expect-1", "Access-Control-Allow-Origin": origin,
		"Access-Control-Expose-Headers": corsExposed, "X-Content-Type-Options": "nosniff",
	} {
		if got := response.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%d has %s %q, want %q", response.StatusCode, name, got, want)
		}
	}
	if joined := strings.Join(vary, ", "); joined != "Accept, Origin" && (response.StatusCode == http.StatusOK || joined != "Origin") {
		t.Errorf("%d has Vary %q", response.StatusCode, vary)
	}
}
