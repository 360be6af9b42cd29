package console

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/emulators/load"
	webhook "souk/functions/webhook/migrations"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
)

const (
	testWebhook = "0199c0de-0000-7000-8000-0000000000b1"
	// testFailed, testDelivered and testPending are events.
	testFailed    = "0199c0de-0000-7000-8000-0000000000e1"
	testDelivered = "0199c0de-0000-7000-8000-0000000000e2"
	testPending   = "0199c0de-0000-7000-8000-0000000000e3"
)

// newWebhooks returns the database of a webhook with a delivery in each state, and of one that is disabled.
func newWebhooks(t *testing.T) database.URL {
	t.Helper()
	at := dbtest.Create(t, append(function.Migrations(), webhook.All)...)
	db, err := database.Open(database.Config{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	id, other, now := uuid.MustParse(testWebhook), uuid.MustParse("0199c0de-0000-7000-8000-0000000000b0"), time.Now().UTC()
	mustExec := func(text string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	const endpoint = `INSERT INTO endpoint (id, url, description, event_types, status, disabled_reason, sealed_key, version, failures, failing_since, subscribed_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, 'sealed', 1, ?, ?, ?, ?, ?)`
	mustExec(endpoint, id[:], "https://example.com/hook?to=a-very-long-path-that-does-not-fit-into-a-narrow-window", "<Warehouse>", "order.confirmed order.shipped", "enabled", "", 3, now.Add(-2*time.Hour), now, now, now)
	mustExec(endpoint, other[:], "http://127.0.0.1:3000", "", "*", "disabled", "by_staff", 0, nil, now, now, now)
	for i, d := range []struct {
		event, state string
		next         any
	}{{testFailed, "failed", nil}, {testDelivered, "delivered", nil}, {testPending, "pending", now.Add(time.Hour)}} {
		event := uuid.MustParse(d.event)
		key := append([]byte{0, 0, 0, 0, 0, 0, 0, byte(i)}, event[:]...)
		mustExec(`INSERT INTO delivery (endpoint_id, event_id, resource_id, sort_key, type, payload, state, attempts, next_at, expires_at, created_at, updated_at)
			VALUES (?, ?, ?, ?, 'order.confirmed', ?, ?, ?, ?, ?, ?, ?)`,
			id[:], event[:], id[:], key, `{"type":"order.confirmed","data":{"orderId":"`+testOrder+`"}}`, d.state, 1, d.next, now, now, now)
		mustExec(`INSERT INTO attempt (endpoint_id, event_id, number, attempted_at, milliseconds, status, error, response) VALUES (?, ?, 1, ?, 87, 503, 'status', '<b>not now</b>')`, id[:], event[:], now)
	}
	failed := uuid.MustParse(testFailed)
	mustExec(`INSERT INTO attempt (endpoint_id, event_id, number, attempted_at, milliseconds, status, error, response) VALUES (?, ?, 2, ?, 10000, 0, 'forbidden_target', '')`, id[:], failed[:], now)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWebhooksPage(t *testing.T) {
	t.Parallel()
	at := newWebhooks(t)
	databases := func(o *Options) { o.Databases = map[string]database.URL{"webhook": at} }
	_, base := newConsole(t, databases)
	one := "/webhooks?id=" + testWebhook
	for _, test := range []struct {
		name, path string
		texts      []string
	}{
		{"webhooks are listed with status and failures", "/webhooks", []string{
			one, "https://example.com/hook", "&lt;Warehouse&gt;", "order.confirmed, order.shipped", "disabled: by staff", "3 for 2.0 h", `class="number warn">1<`, `class="number bad">1<`,
		}},
		{"a webhook has deliveries with attempts, latency and responses", one, []string{
			testFailed, testDelivered, testPending, "/orders?id=" + testOrder, "503", "87 ms", "&lt;b&gt;not now&lt;/b&gt;", "forbidden target", "10 s", "attempt in 60 min",
			"has no login to the shop", "without webhooks/resend",
		}},
		{"a state selects deliveries", one + "&state=failed", []string{testFailed, "without " + testPending}},
		{"a webhook that does not exist is not found", "/webhooks?id=" + testOrder, []string{"Not found", "There is no webhook"}},
		{"what is no id is explained", "/webhooks?id=xyz", []string{"is a UUID"}},
	} {
		t.Run(test.name, func(t *testing.T) { requireTexts(t, mustGet(t, base, test.path), test.texts...) })
	}
	t.Run("a console with a login to the shop can send again what is not pending", func(t *testing.T) {
		_, base := newConsole(t, func(o *Options) { databases(o); o.Load = &load.Target{} })
		requireTexts(t, mustGet(t, base, one+"&state=failed"), "Resend all failed", `name="event" value="`+testFailed)
		requireTexts(t, mustGet(t, base, one+"&state=pending"), testPending, `without name="event"`)
	})
	t.Run("a system without its database says so", func(t *testing.T) {
		_, base := newConsole(t, nil)
		requireTexts(t, mustGet(t, base, "/webhooks"), "Not available here")
	})
}

// resendShop is a shop that records requests, and responds to resend with a status and a body.
type resendShop struct {
	mu       sync.Mutex
	requests []string
	status   int
	body     string
}

func (s *resendShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.requests = append(s.requests, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
	switch {
	case r.URL.Path == "/v1/sessions":
		_, _ = io.WriteString(w, `{"accessToken": "T"}`)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}
}

// TestResendAction requires that deliveries are sent again by the operation of the shop, in a session of its own.
func TestResendAction(t *testing.T) {
	t.Parallel()
	shop := &resendShop{}
	server := httptest.NewServer(shop)
	t.Cleanup(server.Close)
	c, _ := newConsole(t, func(o *Options) {
		o.Load = &load.Target{Gateway: server.URL, Email: "owner@example.com", Password: "secret"}
	})
	act := func(form url.Values, status int, body string) (int, string) {
		shop.mu.Lock()
		shop.requests, shop.status, shop.body = nil, status, body
		shop.mu.Unlock()
		recorder := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/actions/webhooks/resend", nil)
		r.PostForm, r.Form = form, form
		r.AddCookie(&http.Cookie{Name: cookieName(r), Value: testToken})
		c.ServeHTTP(recorder, r)
		var reply struct{ Message string }
		if err := json.Unmarshal(recorder.Body.Bytes(), &reply); err != nil {
			t.Fatal(err)
		}
		return recorder.Code, reply.Message
	}
	one := url.Values{"webhook": {testWebhook}, "event": {testFailed}}
	for _, test := range []struct {
		name    string
		form    url.Values
		status  int
		body    string
		want    int
		message string
	}{
		{"one event", one, http.StatusAccepted, `{"count": 1}`, http.StatusOK, "One event is sent again."},
		{"all that have failed", url.Values{"webhook": {testWebhook}, "all": {"on"}}, http.StatusAccepted, `{"count": 12}`, http.StatusOK, "12 events are sent again."},
		{"a pending event", one, http.StatusAccepted, `{"count": 0}`, http.StatusOK, "Nothing was sent again: pending deliveries, and those older than 27 days, are not."},
		{"a disabled webhook", one, http.StatusConflict, `{"detail": "The webhook is disabled."}`, http.StatusBadRequest, "invalid value: The webhook is disabled."},
		{"a shop that fails", one, http.StatusServiceUnavailable, ``, http.StatusInternalServerError, "the shop responded with status 503: Service Unavailable"},
		{"no event", url.Values{"webhook": {testWebhook}}, 0, "", http.StatusBadRequest, "invalid value: select an event, or all"},
		{"an event and all", url.Values{"webhook": {testWebhook}, "event": {testFailed}, "all": {"on"}}, 0, "", http.StatusBadRequest, "invalid value: select an event, or all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, message := act(test.form, test.status, test.body)
			if status != test.want || message != test.message {
				t.Errorf("status %d, %q; want %d, %q", status, message, test.want, test.message)
			}
		})
	}
	act(one, http.StatusAccepted, `{"count": 1}`)
	want := []string{
		`POST /v1/sessions  {"email":"owner@example.com","password":"secret"}`,
		`POST /v1/webhooks/` + testWebhook + `/resend Bearer T {"eventId":"` + testFailed + `"}`,
		`DELETE /v1/sessions/current Bearer T `,
	}
	if diff := cmp.Diff(want, shop.requests); diff != "" {
		t.Errorf("the requests (-want +got):\n%s", diff)
	}
}
