package pubsub_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// waitLimit bounds every wait for an expected event.
const waitLimit = 60 * time.Second

// pushed is a request that a push endpoint received.
type pushed struct {
	At     time.Time
	Method string
	Header http.Header
	Raw    []byte
	Body   struct {
		Message struct {
			Attributes    map[string]string
			Data          []byte
			MessageID     string `json:"messageId"`
			MessageIDToo  string `json:"message_id"`
			OrderingKey   string `json:"orderingKey"`
			PublishTime   string `json:"publishTime"`
			PublishedAlso string `json:"publish_time"`
		}
		Subscription    string
		DeliveryAttempt int
	}
	// Nth counts the requests of this message at this endpoint, from 1.
	Nth int
}

// Data is the message's data as text.
func (p pushed) Data() string { return string(p.Body.Message.Data) }

// endpoint is a push endpoint that records its requests.
type endpoint struct {
	URL string

	requests chan pushed
	mu       sync.Mutex
	counts   map[string]int
}

// responder writes the response to a push.
type responder func(w http.ResponseWriter, r *http.Request, p pushed)

// respondWith returns a responder that sends the status code that code returns.
func respondWith(code func(pushed) int) responder {
	return func(w http.ResponseWriter, _ *http.Request, p pushed) { w.WriteHeader(code(p)) }
}

// always responds to every push with the same status code.
func always(code int) responder { return respondWith(func(pushed) int { return code }) }

// failFirst responds with 500 to the first n pushes of each message.
func failFirst(n int) responder {
	return respondWith(func(p pushed) int {
		if p.Nth <= n {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
}

// mustEndpoint starts a push endpoint.
func mustEndpoint(t *testing.T, respond responder) *endpoint {
	t.Helper()
	e := &endpoint{requests: make(chan pushed, 10_000), counts: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := pushed{At: time.Now(), Method: r.Method, Header: r.Header}
		var err error
		if p.Raw, err = io.ReadAll(r.Body); err != nil {
			t.Errorf("read a push: %v", err)
			return
		}
		if err := json.Unmarshal(p.Raw, &p.Body); err != nil {
			t.Errorf("decode a push: %v: %s", err, p.Raw)
		}
		e.mu.Lock()
		e.counts[p.Body.Message.MessageID]++
		p.Nth = e.counts[p.Body.Message.MessageID]
		e.mu.Unlock()
		e.requests <- p
		respond(w, r, p)
	}))
	t.Cleanup(server.Close)
	e.URL = server.URL + "/push"
	return e
}

// mustReceive waits for the next push.
func (e *endpoint) mustReceive(t *testing.T) pushed {
	t.Helper()
	select {
	case p := <-e.requests:
		return p
	case <-time.After(waitLimit):
		t.Fatal("no push arrived")
		return pushed{}
	}
}

// mustReceiveSeveral waits for n pushes.
func (e *endpoint) mustReceiveSeveral(t *testing.T, n int) []pushed {
	t.Helper()
	var got []pushed
	for range n {
		got = append(got, e.mustReceive(t))
	}
	return got
}

// mustReceiveUntil waits for a wanted push and returns all pushes up to it.
func (e *endpoint) mustReceiveUntil(t *testing.T, wanted func(pushed) bool) []pushed {
	t.Helper()
	var got []pushed
	for {
		got = append(got, e.mustReceive(t))
		if wanted(got[len(got)-1]) {
			return got
		}
	}
}

// Count returns how often a message was pushed here so far.
func (e *endpoint) Count(messageID string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[messageID]
}
