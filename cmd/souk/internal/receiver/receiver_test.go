package receiver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
	otherKey   = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	testEvent  = `{"id": "E", "type": "order.confirmed", "data": {"name": "Café"}}`
)

// reports collects what a receiver reports.
type reports struct {
	mu  sync.Mutex
	all []Request
}

func (r *reports) add(one Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

func (r *reports) last(t *testing.T) Request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		t.Fatal("nothing was reported")
	}
	return r.all[len(r.all)-1]
}

// start starts a receiver, and returns its URL.
func start(t *testing.T, o Options) (address string, got *reports) {
	t.Helper()
	got = &reports{}
	o.Secret, o.Report = testSecret, got.add
	path := NewPath()
	r, err := New(path, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return server.URL + path, got
}

// send sends an event that is signed by a secret, as the shop does.
func send(t *testing.T, address, secret string) *http.Response {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signature, err := signer.Sign("E", now, []byte(testEvent))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(testEvent))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Souk-Webhooks/1"}, "Webhook-Id": {"E"},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
	}
	response, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func text(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestForward requires that a program gets what the shop has sent, and the shop what the program responds.
func TestForward(t *testing.T) {
	t.Parallel()
	status := make(chan int, 1)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		verifier, err := standardwebhooks.NewWebhook(testSecret)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		names := map[string]bool{"Connection": true, "Content-Length": true, "Content-Type": true, "User-Agent": true, "Webhook-Id": true, "Webhook-Timestamp": true, "Webhook-Signature": true}
		for name := range r.Header {
			if !names[name] {
				err = errors.Join(err, errors.New("a header "+name))
			}
		}
		if err != nil || string(body) != testEvent || r.URL.RequestURI() != "/hook?from=souk" || r.UserAgent() != "Souk-Webhooks/1" || r.ContentLength != int64(len(testEvent)) {
			t.Errorf("%s %s with %v has the body %s: %v", r.Method, r.URL, r.Header, body, err)
		}
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(<-status)
		if _, err := io.WriteString(w, "not now"); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(target.Close)
	address, got := start(t, Options{Forward: mustParse(t, target.URL+"/hook?from=souk")})
	for _, want := range []int{http.StatusOK, http.StatusFound, http.StatusGone, http.StatusServiceUnavailable} {
		status <- want
		response := send(t, address, testSecret)
		if response.StatusCode != want || response.Header.Get("Retry-After") != "7" || text(t, response) != "not now" {
			t.Errorf("status %d with %v, want %d", response.StatusCode, response.Header, want)
		}
		if r := got.last(t); r.Status != want || r.ID != "E" || r.Type != "order.confirmed" || string(r.Body) != testEvent || r.Problem != "" || r.Took <= 0 {
			t.Errorf("reported %+v", r)
		}
	}
}

// TestNotForwarded requires a response by which the shop sends the event again, and a report that says what to
// do.
func TestNotForwarded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	stopped := httptest.NewServer(nil)
	stopped.Close()
	for name, c := range map[string]struct {
		forward string
		status  int
		says    string
	}{
		"no program runs":         {stopped.URL, http.StatusBadGateway, "start your server"},
		"no such host":            {"http://a..b/", http.StatusBadGateway, "correct --forward"},
		"the program is too slow": {slow.URL, http.StatusGatewayTimeout, "respond first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, got := start(t, Options{Forward: mustParse(t, c.forward), timeout: 300 * time.Millisecond})
			response := send(t, address, testSecret)
			if response.StatusCode != c.status || !strings.Contains(text(t, response), c.says) {
				t.Errorf("status %d, want %d", response.StatusCode, c.status)
			}
			if r := got.last(t); r.Status != c.status || !strings.Contains(r.Problem, c.says) {
				t.Errorf("reported %+v", r)
			}
		})
	}
}

func TestWithoutForward(t *testing.T) {
	t.Parallel()
	address, got := start(t, Options{})
	if response := send(t, address, testSecret); response.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", response.StatusCode)
	}
	if r := got.last(t); r.Status != http.StatusNoContent || r.Type != "order.confirmed" {
		t.Errorf("reported %+v", r)
	}
}

// TestRefused requires that only requests that the shop has signed are forwarded.
func TestRefused(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was forwarded") }))
	t.Cleanup(target.Close)
	address, got := start(t, Options{Forward: mustParse(t, target.URL)})
	if response := send(t, address, otherKey); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
	if r := got.last(t); r.Status != http.StatusUnauthorized || !strings.Contains(r.Problem, "not signed") {
		t.Errorf("reported %+v", r)
	}
	if response := send(t, address+"x", testSecret); response.StatusCode != http.StatusNotFound {
		t.Errorf("at another path: status %d", response.StatusCode)
	}
}

func TestIsRunning(t *testing.T) {
	t.Parallel()
	address, _ := start(t, Options{})
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	stopped := httptest.NewServer(nil)
	stopped.Close()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for url, want := range map[string]bool{
		address: true, "http://" + silent.Addr().String(): true, // it begins
		other.URL: false, stopped.URL: false, address + "x": false, "http://a..b/": false,
	} {
		if got := IsRunning(t.Context(), url); got != want {
			t.Errorf("%s runs: %v, want %v", url, got, want)
		}
	}
}

// TestServe requires that the webhook is deleted before the server stops, and that a request which is being
// forwarded then has its response.
func TestServe(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-release }))
	t.Cleanup(target.Close)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got, path := &reports{}, NewPath()
	r, err := New(path, Options{Secret: testSecret, Forward: mustParse(t, target.URL), Report: got.add})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	deleted, served := errors.New("deleted"), make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, r, func() error {
			close(release)
			return deleted
		})
	}()
	responses := make(chan int, 1)
	go func() { responses <- send(t, "http://"+listener.Addr().String()+path, testSecret).StatusCode }()
	<-arrived
	stop()
	if status := <-responses; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if err := <-served; !errors.Is(err, deleted) {
		t.Errorf("it ended with %v", err)
	}
}
