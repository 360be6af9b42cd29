package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// requestTimeout is how long a client waits for one response. giveUpAfter bounds
// how long it sends one request again and again.
const (
	requestTimeout = 20 * time.Second
	giveUpAfter    = 4 * time.Minute
)

var transport = &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second}}

// request is an operation that a client sends until it has a final response.
type request struct {
	kind         string // of operation, for the oracle
	method, path string
	header       map[string]string
	body         string
	key          string // Idempotency-Key, "" without one
	account      *account
	// What the oracle wants to know of it.
	subject string // id of the order or product that it changes
	amount  int64  // stock change, or price in minor units

	response response // the first final one
}

// response is what a client got.
type response struct {
	status   int
	location string
	replayed bool
	body     []byte
}

// code returns the code of a problem, "" for other responses.
func (r response) code() string {
	var problem struct{ Code string }
	if r.status < http.StatusBadRequest || json.Unmarshal(r.body, &problem) != nil {
		return ""
	}
	return problem.Code
}

// id returns the member id of the body.
func (r response) id() string {
	var body struct{ ID string }
	if json.Unmarshal(r.body, &body) != nil {
		return ""
	}
	return body.ID
}

// isFinal reports whether another send would get nothing else.
func (r response) isFinal() bool {
	switch {
	case r.status == 0 || r.status >= http.StatusInternalServerError, r.status == http.StatusTooManyRequests, r.status == http.StatusUnauthorized:
		return false
	}
	switch r.code() {
	case "idempotency_in_flight", "product_unavailable":
		return false
	}
	return true
}

// account is who sends requests.
type account struct {
	s     *system
	login login

	mu    sync.Mutex
	token string
}

// accessToken returns a token, and signs in first when there is none.
func (a *account) accessToken() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for deadline := time.Now().Add(giveUpAfter); a.token == "" && time.Now().Before(deadline); {
		body, err := json.Marshal(map[string]string{"email": a.login.Email, "password": a.login.Password})
		if err != nil {
			return ""
		}
		got := a.s.send("POST", "/v1/sessions", nil, string(body))
		var session struct{ AccessToken string }
		if got.status == http.StatusCreated && json.Unmarshal(got.body, &session) == nil {
			a.token = session.AccessToken
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return a.token
}

// forget drops a token that was refused.
func (a *account) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == token {
		a.token = ""
	}
}

// send sends one request once. A response that did not arrive has status 0.
func (s *system) send(method, path string, header map[string]string, body string) response {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path), strings.NewReader(body))
	if err != nil {
		return response{}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	got, err := transport.Do(r)
	if err != nil {
		return response{}
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return response{}
	}
	return response{got.StatusCode, got.Header.Get("Location"), got.Header.Get("Idempotency-Replayed") == "true", text}
}

// try sends a request once.
func (r *request) try() response {
	token := r.account.accessToken()
	header := map[string]string{"Authorization": "Bearer " + token}
	if r.key != "" {
		header["Idempotency-Key"] = r.key
	}
	maps.Copy(header, r.header)
	got := r.account.s.send(r.method, r.path, header, r.body)
	if got.status == http.StatusUnauthorized {
		r.account.forget(token)
	}
	return got
}

// insist sends a request until it has a final response.
func (r *request) insist(t *testing.T) response {
	t.Helper()
	pause := 20 * time.Millisecond
	for deadline := time.Now().Add(giveUpAfter); time.Now().Before(deadline); pause = min(2*pause, time.Second) {
		if got := r.try(); got.isFinal() {
			return got
		}
		time.Sleep(pause)
	}
	got := r.try()
	t.Errorf("%s %s with the key %s has no final response after %s: %d %s", r.method, r.path, r.key, giveUpAfter, got.status, got.body)
	return got
}

// carryOut sends a request until it has a final response, and notes that. Some
// requests are sent twice at once: both have the same effect and response.
func (r *request) carryOut(t *testing.T, twice bool) response {
	t.Helper()
	if !twice || r.key == "" {
		r.response = r.insist(t)
		return r.response
	}
	var other response
	var both sync.WaitGroup
	both.Go(func() { other = r.insist(t) })
	r.response = r.insist(t)
	both.Wait()
	requireSame(t, r, r.response, other)
	return r.response
}

// requireSame compares two responses of one key. The first response to an order that
// was waited for shows the outcome; a replay shows the order as it was placed.
func requireSame(t *testing.T, r *request, first, second response) {
	t.Helper()
	same := first.status == second.status && first.location == second.location && first.id() == second.id()
	if first.status < http.StatusBadRequest && r.header["Prefer"] == "" {
		same = same && bytes.Equal(first.body, second.body)
	}
	if !same {
		t.Errorf("%s %s with the key %s has two responses:\n%d %s %s\n%d %s %s", r.method, r.path, r.key,
			first.status, first.location, first.body, second.status, second.location, second.body)
	}
}

func newKey() string { return uuid.NewString() }
