package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/shared/manifest"
	"souk/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// list has one function of each trigger, and overlapping routes.
func list() *manifest.Manifest {
	return &manifest.Manifest{Functions: []manifest.Function{
		{Name: "product-create", Service: "product", HTTP: "POST /v1/products", Access: manifest.Staff(manifest.ProductsWrite)},
		{Name: "product-get", Service: "product", HTTP: "GET /v1/products/{id}", Access: manifest.Anyone},
		{Name: "user-get", Service: "user", HTTP: "GET /v1/users/me", Access: manifest.User},
		{Name: "user-read", Service: "user", HTTP: "GET /v1/users/{id}", Access: manifest.Staff(manifest.CustomersRead)},
		{Name: "stock-reserve", Service: "product", Events: []string{"order-placed"}},
		{Name: "product-outbox", Service: "product", Schedule: "* * * * *"},
	}}
}

// front is a running gateway.
type front struct {
	url    string
	log    *lines
	client *http.Client
	stop   func() error
}

// mustOpen serves a gateway whose functions all use the handler backend. The header
// X-Function of a response names the function.
func mustOpen(t *testing.T, backend http.HandlerFunc, change ...func(*Options)) *front {
	t.Helper()
	servers := map[string]string{}
	for _, function := range list().Functions {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Function", function.Name)
			backend(w, r)
		}))
		t.Cleanup(server.Close)
		servers[function.Name] = server.URL
	}
	d := &front{log: &lines{}}
	options := Options{
		Manifest: list(), Logger: telemetry.NewLogger(d.log),
		Backend: func(function string) string { return servers[function] },
	}
	for _, c := range change {
		c(&options)
	}
	g, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.url = "http://" + listener.Addr().String()
	transport := &http.Transport{DisableCompression: true}
	d.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, g) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	return d
}

type result struct {
	status int
	header http.Header
	body   string
}

func (d *front) mustDo(t *testing.T, method, path string, header http.Header, body io.Reader) result {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	response, err := d.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Values("X-Content-Type-Options"); len(got) != 1 || got[0] != "nosniff" {
		t.Errorf("%s %s responds with X-Content-Type-Options %q", method, path, got)
	}
	return result{response.StatusCode, response.Header, string(text)}
}

// requireProblem checks that a response is a complete problem of RFC 9457.
func (a result) requireProblem(t *testing.T, status int, code string) {
	t.Helper()
	var problem struct {
		Status        int
		Code, TraceID string
	}
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatalf("parse the problem in %+v: %v", a, err)
	}
	if a.status != status || problem.Status != status || problem.Code != code || problem.TraceID == "" ||
		a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("X-Request-Id") == "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("want a %d problem %s with trace and request id that is not stored, got %+v", status, code, a)
	}
}

// logged is a line of the request log.
type logged struct {
	Severity, Method, Route, Function, RequestID, Error string
	Status                                              int
	LatencyMs                                           float64
	Trace                                               string `json:"logging.googleapis.com/trace"`
}

// mustLog waits for the log entry of a request: it is written after the response.
func (d *front) mustLog(t *testing.T, requestID string) logged {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		for line := range strings.Lines(d.log.String()) {
			var l logged
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			if l.RequestID == requestID {
				return l
			}
		}
		select {
		case <-deadline:
			t.Fatalf("no log of request %q in %s", requestID, d.log)
		case <-time.After(time.Millisecond):
		}
	}
}

// lines is a log that tests can read while it is being written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
