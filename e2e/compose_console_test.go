package e2e_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"souk/functions/order"
)

// browser is a client of the console with a cookie jar.
type browser struct {
	base   string
	client *http.Client
}

// mustGet returns the status and the body of a page.
func (b browser) mustGet(t *testing.T, path string) (status int, body string) {
	t.Helper()
	response, err := b.client.Get(b.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// mustWatch opens the live data of a page until the test ends.
func (b browser) mustWatch(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close() // it ends with an error: the request is cancelled
	})
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d", path, response.StatusCode)
	}
}

// TestComposeConsole opens the link that `souk console` prints, and finds an order with its
// events and its trace. Pages state what is unknown of containers.
func TestComposeConsole(t *testing.T) {
	s, c := openCompose(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	base, token, _ := strings.Cut(c.status.Console.Link, "/?")
	// The default transport of these tests reads whole bodies; live data has no end.
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	b := browser{base, &http.Client{Jar: jar, Transport: transport}}
	if status, body := b.mustGet(t, "/orders"); status != http.StatusForbidden || !strings.Contains(body, "souk console") {
		t.Errorf("without the link: status %d, want 403 that names the command", status)
	}
	if status, _ := b.mustGet(t, "/?"+token); status != http.StatusOK {
		t.Fatalf("the link: status %d, want 200", status)
	}
	for page, want := range map[string]string{
		"system": "Structure only", "functions": "docker compose ps", "logs": "docker compose logs", "load": "Not available here", "lab": "Not available here",
		"traces": "Requests across functions", "orders": "One order", "pubsub": "order-placed", "databases": "MySQL",
		"trail": "Every resource", "webhooks": "No webhooks",
	} {
		if status, body := b.mustGet(t, "/"+page); status != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, "denied") {
			t.Errorf("%s: status %d, want a page with %q and nothing that is denied", page, status, want)
		}
	}
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 500)
	b.mustWatch(t, "/orders/events")
	var body string
	eventually(t, "the page of an order has its events and its trace", func() bool {
		var o order.Order
		s.place(t, customer, "wait=10", p.ID, 1).MustBe(t, http.StatusCreated).Into(t, &o)
		_, body = b.mustGet(t, "/orders?id="+o.ID.String())
		return strings.Contains(body, "order-confirmed") && strings.Contains(body, "/traces?id=")
	})
	if _, trail := b.mustGet(t, "/trail?resource=order"); !strings.Contains(trail, "order-place") || !strings.Contains(trail, "order-confirm") {
		t.Errorf("the trail has not the order:\n%s", trail)
	}
	_, id, _ := strings.Cut(body, "/traces?id=")
	id, _, _ = strings.Cut(id, `"`)
	eventually(t, "the trace has the spans of the gateway and of the functions after Pub/Sub", func() bool {
		_, trace := b.mustGet(t, "/traces?id="+id)
		return strings.Contains(trace, "gateway") && strings.Contains(trace, "order-place") && strings.Contains(trace, "wait in stock-reserve")
	})
}
