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

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// pushed is a request that a push endpoint got.
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

// endpoint is a push endpoint that writes down what it gets.
type endpoint struct {
	URL string

	requests chan pushed
	mu       sync.Mutex
	counts   map[string]int
}

// answer writes the response to a push.
type answer func(w http.ResponseWriter, r *http.Request, p pushed)

// statusOf answers with the code that a function gives.
func statusOf(code func(pushed) int) answer {
	return func(w http.ResponseWriter, _ *http.Request, p pushed) { w.WriteHeader(code(p)) }
}

// always answers every push the same.
func always(code int) answer { return statusOf(func(pushed) int { return code }) }

// failFirst answers 500 to the first n pushes of each message.
func failFirst(n int) answer {
	return statusOf(func(p pushed) int {
		if p.Nth <= n {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
}

// MustEndpoint starts a push endpoint.
func MustEndpoint(t *testing.T, respond answer) *endpoint {
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
			t.Errorf("a push is no JSON: %v: %s", err, p.Raw)
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

// MustReceive waits for the next push.
func (e *endpoint) MustReceive(t *testing.T) pushed {
	t.Helper()
	select {
	case p := <-e.requests:
		return p
	case <-time.After(patience):
		t.Fatal("no push came")
		return pushed{}
	}
}

// MustReceiveN waits for n pushes.
func (e *endpoint) MustReceiveN(t *testing.T, n int) []pushed {
	t.Helper()
	var got []pushed
	for range n {
		got = append(got, e.MustReceive(t))
	}
	return got
}

// MustReceiveUntil waits for a push that is wanted and returns it with those before.
func (e *endpoint) MustReceiveUntil(t *testing.T, wanted func(pushed) bool) []pushed {
	t.Helper()
	var got []pushed
	for {
		got = append(got, e.MustReceive(t))
		if wanted(got[len(got)-1]) {
			return got
		}
	}
}

// Count is how often a message was pushed here so far.
func (e *endpoint) Count(messageID string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[messageID]
}
