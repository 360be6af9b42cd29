package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// requestTimeout bounds one request. It is longer than the gateway's timeout.
const requestTimeout = 65 * time.Second

// request is one request to the shop.
type request struct {
	method, path string
	token, key   string
	ifMatch      string
	body         any
}

// response is a response of the shop. Its status is 0 if none was received.
type response struct {
	status int
	etag   string
	// retryAfter is the time of Retry-After, 0 without one.
	retryAfter time.Duration
	body       []byte
	err        error
}

// client sends requests and records them.
type client struct {
	base    string
	http    *http.Client
	figures *figures
}

func newClient(target Target, connections int, f *figures) *client {
	transport := target.Transport
	if transport == nil {
		idle := connections + 8 // those of the progress and the preparation
		transport = &http.Transport{MaxIdleConns: idle, MaxIdleConnsPerHost: idle, IdleConnTimeout: 30 * time.Second}
	}
	return &client{base: target.Gateway, figures: f, http: &http.Client{Timeout: requestTimeout, Transport: transport}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send sends a request that was due at a time, and records its latency since then.
func (c *client) send(ctx context.Context, operation string, due time.Time, r request) response {
	got := c.do(ctx, r)
	c.figures.record(operation, time.Since(due), got.failure())
	return got
}

// do sends a request without a record of it.
func (c *client) do(ctx context.Context, r request) response {
	var content io.Reader = http.NoBody
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return response{err: err}
		}
		content = bytes.NewReader(text)
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, content)
	if err != nil {
		return response{err: err}
	}
	for name, value := range map[string]string{"Idempotency-Key": r.key, "If-Match": r.ifMatch} {
		if value != "" {
			sent.Header.Set(name, value)
		}
	}
	if r.token != "" {
		sent.Header.Set("Authorization", "Bearer "+r.token)
	}
	if r.body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	received, err := c.http.Do(sent)
	if err != nil {
		return response{err: err}
	}
	defer received.Body.Close()
	body, err := io.ReadAll(received.Body)
	if err != nil {
		return response{err: err}
	}
	return response{
		status: received.StatusCode, etag: received.Header.Get("ETag"), body: body,
		retryAfter: parseRetryAfter(received.Header.Get("Retry-After")),
	}
}

// parseRetryAfter returns the time of a Retry-After header in seconds, 0 of any other text.
func parseRetryAfter(text string) time.Duration {
	seconds, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return max(0, time.Duration(seconds)*time.Second)
}

// retryable reports whether the request may be repeated: it has no response, or one that says
// that the shop cannot serve it now.
func (r response) retryable() bool {
	return r.status == 0 || r.status >= http.StatusInternalServerError || r.status == http.StatusTooManyRequests ||
		r.code() == "idempotency_in_flight" || r.code() == "product_unavailable"
}

// failure returns the kind of a failed request, "" for a successful one.
func (r response) failure() string {
	switch {
	case r.status == 0 && errors.Is(r.err, context.Canceled), r.status == 0 && errors.Is(r.err, context.DeadlineExceeded):
		return "timeout"
	case r.status == 0:
		return "no response"
	case r.status < http.StatusBadRequest:
		return ""
	}
	if code := r.code(); code != "" {
		return strconv.Itoa(r.status) + " " + code
	}
	return strconv.Itoa(r.status)
}

// code returns the code of a problem, "" for other responses.
func (r response) code() string { return r.member(r.status >= http.StatusBadRequest, "code") }

// id returns the id of the resource in the body.
func (r response) id() string { return r.member(r.status < http.StatusBadRequest, "id") }

// orderStatus returns the status of the order in the body, "" without one.
func (r response) orderStatus() string { return r.member(r.status == http.StatusOK, "status") }

// member returns a text member of the body, "" if it is missing or the condition is false.
func (r response) member(condition bool, name string) string {
	var body map[string]json.RawMessage
	var text string
	if !condition || json.Unmarshal(r.body, &body) != nil || json.Unmarshal(body[name], &text) != nil {
		return ""
	}
	return text
}

// problem returns an error about an unexpected response.
func (r response) problem(operation string) error {
	if r.err != nil {
		return fmt.Errorf("%s: %w", operation, r.err)
	}
	return fmt.Errorf("%s: status %d: %s", operation, r.status, bytes.TrimSpace(r.body))
}
