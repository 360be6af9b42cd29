package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
)

// requestTimeout bounds the wait for one response, and giveUpAfter the retries of one
// request.
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
	body         fixtures.Object
	key          string // Idempotency-Key, "" without one
	account      *account
	// For the oracle.
	subject string // id of the order or product that it changes
	amount  int64  // stock change, or price in minor units

	response response // the first final one
}

// response is a response to a client.
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

// isFinal reports whether the request need not be retried.
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

// account sends requests with its token.
type account struct {
	s     *system
	login login

	mu    sync.Mutex
	token string
}

// accessToken returns the token, and signs in first if it has none.
func (a *account) accessToken() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for deadline := time.Now().Add(giveUpAfter); a.token == "" && time.Now().Before(deadline); {
		got := a.s.send("POST", "/v1/sessions", nil, fixtures.Login(a.login.Email, a.login.Password))
		var session struct{ AccessToken string }
		if got.status == http.StatusCreated && json.Unmarshal(got.body, &session) == nil {
			a.token = session.AccessToken
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return a.token
}

// dropToken drops a token that was refused.
func (a *account) dropToken(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == token {
		a.token = ""
	}
}

// send sends a request once. The status is 0 if no response was received.
func (s *system) send(method, path string, header map[string]string, body fixtures.Object) response {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return response{}
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path), bytes.NewReader(content))
	if err != nil {
		return response{}
	}
	if body != nil {
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

// try sends the request once with the account's token.
func (r *request) try() response {
	token := r.account.accessToken()
	header := map[string]string{"Authorization": "Bearer " + token}
	if r.key != "" {
		header["Idempotency-Key"] = r.key
	}
	maps.Copy(header, r.header)
	got := r.account.s.send(r.method, r.path, header, r.body)
	if got.status == http.StatusUnauthorized {
		r.account.dropToken(token)
	}
	return got
}

// sendUntilFinal sends the request until it has a final response.
func (r *request) sendUntilFinal(t *testing.T) response {
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

// execute sends the request until it has a final response, and stores the response. With
// twice it sends the request in parallel: both must have the same response.
func (r *request) execute(t *testing.T, twice bool) response {
	t.Helper()
	if !twice || r.key == "" {
		r.response = r.sendUntilFinal(t)
		return r.response
	}
	var other response
	var both sync.WaitGroup
	both.Go(func() { other = r.sendUntilFinal(t) })
	r.response = r.sendUntilFinal(t)
	both.Wait()
	requireSame(t, r, r.response, other)
	return r.response
}

// requireSame compares two responses to one key. With Prefer: wait, the first response has
// the decided order, and a replay has the order as it was placed.
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
