package souk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Retry bounds the attempts of a request. A zero field has its default.
type Retry struct {
	// Attempts is how often a request is sent at most: 4. 1 is no retry.
	Attempts int
	// MaxTime is the time from the first attempt in which another one may begin: 30 s.
	MaxTime time.Duration
	// Pause is the mean of the first pause: 200 ms. Each one after it is twice as long, up to 5 s.
	Pause time.Duration
}

// maxPause bounds the pauses that the client chooses.
const maxPause = 5 * time.Second

func (r Retry) withDefaults() Retry {
	if r.Attempts <= 0 {
		r.Attempts = 4
	}
	if r.MaxTime <= 0 {
		r.MaxTime = 30 * time.Second
	}
	if r.Pause <= 0 {
		r.Pause = 200 * time.Millisecond
	}
	return r
}

// operation is what the client must know of an operation.
type operation struct {
	pattern string
	// key reports whether it takes an Idempotency-Key, token whether it knows its caller by a token.
	key, token bool
}

// ServeHTTP implements http.Handler: http.ServeMux finds the operation of a request. It is not called.
func (operation) ServeHTTP(http.ResponseWriter, *http.Request) {}

func newRoutes() *http.ServeMux {
	routes := http.NewServeMux()
	for _, o := range operations {
		routes.Handle(o.pattern, o)
	}
	return routes
}

// transport sends the requests of a client: with keys and tokens, several times, and with errors for problems.
type transport struct {
	client  *http.Client
	session *session
	token   string
	prefix  string // of the paths of the shop
	retry   Retry
	routes  *http.ServeMux
}

// Do implements HttpRequestDoer.
func (t *transport) Do(request *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(request.URL.Path, t.prefix)
	found, _ := t.routes.Handler(&http.Request{Method: request.Method, Host: request.Host, URL: &url.URL{Path: path}})
	o, _ := found.(operation)
	if o.key && request.Header.Get("Idempotency-Key") == "" {
		request.Header.Set("Idempotency-Key", uuid.NewString())
	}
	response, err := t.authorize(request, o)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", request.Method, request.URL.Path, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, readProblem(response)
	}
	return response, nil
}

// authorize sends a request with a token, and once more with a new one after a 401.
func (t *transport) authorize(request *http.Request, o operation) (*http.Response, error) {
	if !o.token || request.Header.Get("Authorization") != "" {
		return t.send(request, isRepeatable(request))
	}
	if t.token != "" {
		setToken(request, t.token)
		return t.send(request, isRepeatable(request))
	}
	token, err := t.session.accessToken(request.Context(), "")
	if err != nil {
		return nil, err
	}
	if token == "" {
		return t.send(request, isRepeatable(request))
	}
	setToken(request, token)
	response, err := t.send(request, isRepeatable(request))
	if err != nil || response.StatusCode != http.StatusUnauthorized || needsLogin(response) {
		return response, err
	}
	renewed, err := t.session.accessToken(request.Context(), token)
	if err != nil || renewed == "" {
		return response, closeAfter(response, err)
	}
	_ = response.Body.Close() // it is replaced
	setToken(request, renewed)
	return t.send(request, isRepeatable(request))
}

// needsLogin reports whether a response asks for a new sign-in (RFC 9470, section 3), which no refresh replaces.
func needsLogin(response *http.Response) bool {
	return strings.Contains(response.Header.Get("WWW-Authenticate"), "insufficient_user_authentication")
}

// closeAfter closes the response of a request that fails with another error.
func closeAfter(response *http.Response, err error) error {
	if err != nil {
		return errors.Join(err, response.Body.Close())
	}
	return nil
}

func setToken(request *http.Request, token string) {
	request.Header.Set("Authorization", "Bearer "+token)
}

// isRepeatable reports whether a request has one effect, however often it arrives. A PATCH has not, and a PUT with
// If-Match: it would not match its own effect.
func isRepeatable(request *http.Request) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodDelete}, request.Method) ||
		request.Method == http.MethodPut && request.Header.Get("If-Match") == "" || request.Header.Get("Idempotency-Key") != ""
}

// send sends a request until it has a response that another attempt would not change:
//
//   - 429 and 503 overloaded were refused before they had an effect, and are sent again;
//   - a lost connection, a timeout, 500, 502, 503 and 504 if the request is repeatable;
//   - 409 idempotency_in_flight: the first attempt is still in progress.
func (t *transport) send(request *http.Request, repeatable bool) (*http.Response, error) {
	end := time.Now().Add(t.retry.MaxTime)
	for attempt := 1; ; attempt++ {
		copied, err := copyRequest(request)
		if err != nil {
			return nil, err
		}
		response, err := t.client.Do(copied)
		if attempt >= t.retry.Attempts || request.Context().Err() != nil || !isRetryable(response, err, repeatable) {
			return response, err
		}
		pause := min(maxPause, t.retry.Pause<<(attempt-1))
		pause = pause/2 + rand.N(pause) //nolint:gosec // not a secret
		if err == nil {
			pause = max(retryAfter(response, time.Now()), pause)
		}
		if time.Now().Add(pause).After(end) {
			return response, err
		}
		if err == nil {
			_ = response.Body.Close() // it is replaced
		}
		if err := sleep(request.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// copyRequest returns a request whose body can be sent.
func copyRequest(request *http.Request) (*http.Request, error) {
	copied := request.Clone(request.Context())
	if request.GetBody == nil {
		return copied, nil
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, fmt.Errorf("read the body again: %w", err)
	}
	copied.Body = body
	return copied, nil
}

func isRetryable(response *http.Response, err error, repeatable bool) bool {
	if err != nil {
		return repeatable
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusConflict:
		return repeatable && hasCode(response, "idempotency_in_flight")
	case http.StatusServiceUnavailable:
		return repeatable || hasCode(response, "overloaded")
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return repeatable
	}
	return false
}

// sleep waits, or returns the error of a context that ends before.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
