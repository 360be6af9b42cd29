// Package receiver is the server of a webhook on this machine: it verifies the events that a shop sends, and
// forwards them to a program that is being developed.
package receiver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// maxBody is more than any event has, in bytes.
	maxBody = 1 << 20
	// forwardTimeout bounds a request that is forwarded: the shop waits for 10 s.
	forwardTimeout = 9 * time.Second
	// readTimeout bounds the time in which a request must be read.
	readTimeout = 10 * time.Second
	// pathPrefix begins the path of every receiver; random text follows.
	pathPrefix = "/souk-listen/"
	// headerRunning is in the response of a receiver to a GET request: see IsRunning.
	headerRunning = "Souk-Listen"
)

// Options configure a receiver.
type Options struct {
	// Secret is that of the webhook.
	Secret string
	// Forward is where events are forwarded to. Nil accepts them.
	Forward *url.URL
	// Report is called with each request that was responded to, one at a time.
	Report func(Request)

	// timeout is for tests: forwardTimeout.
	timeout time.Duration
}

// Request is a request of the shop, or of another sender.
type Request struct {
	At       time.Time
	Type, ID string
	Body     []byte
	// Status is that of the response, and Took the time until it was there.
	Status int
	Took   time.Duration
	// Problem is why the request was refused, or not forwarded.
	Problem string
}

// NewPath returns the path of a new receiver. It is random: a receiver that was stopped and one that runs at
// the same port have different ones.
func NewPath() string { return pathPrefix + rand.Text() }

// Receiver is the handler of a webhook's URL.
type Receiver struct {
	path     string
	options  Options
	verifier *standardwebhooks.Webhook
	proxy    http.Handler

	mu sync.Mutex // of Report
}

// New returns a new receiver at a path.
func New(path string, o Options) (*Receiver, error) {
	verifier, err := standardwebhooks.NewWebhook(o.Secret)
	if err != nil {
		return nil, fmt.Errorf("use the secret of the webhook: %w", err)
	}
	o.timeout = cmp.Or(o.timeout, forwardTimeout)
	r := &Receiver{path: path, options: o, verifier: verifier}
	if o.Forward != nil {
		r.proxy = newProxy(o.Forward)
	}
	return r, nil
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	switch {
	case request.URL.Path != r.path:
		http.NotFound(w, request)
	case request.Method == http.MethodGet:
		w.Header().Set(headerRunning, "1")
		w.WriteHeader(http.StatusNoContent)
	case request.Method != http.MethodPost:
		http.Error(w, "send a POST request", http.StatusMethodNotAllowed)
	default:
		r.receive(w, request)
	}
}

// receive verifies a request, forwards it and reports it.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	out := &response{ResponseWriter: w}
	got := Request{At: time.Now()}
	defer func() {
		got.Status, got.Took = out.status, time.Since(got.At)
		if got.Problem == "" {
			got.Problem = out.problem
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.options.Report(got)
	}()
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	if err != nil {
		got.Problem = "refused: read the body: " + err.Error()
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(out, got.Problem, status)
		return
	}
	if err := r.verifier.Verify(body, request.Header); err != nil {
		got.Problem = "refused: the request is not signed by the secret of this webhook: " + err.Error()
		http.Error(out, got.Problem, http.StatusUnauthorized)
		return
	}
	got.Body, got.ID, got.Type = body, request.Header.Get(standardwebhooks.HeaderWebhookID), eventType(body)
	if r.proxy == nil {
		out.WriteHeader(http.StatusNoContent)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), r.options.timeout)
	defer cancel()
	forwarded := request.WithContext(ctx)
	forwarded.Body, forwarded.ContentLength, forwarded.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	r.proxy.ServeHTTP(out, forwarded)
}

// eventType returns the type of an event.
func eventType(body []byte) string {
	var event struct{ Type string }
	if err := json.Unmarshal(body, &event); err != nil || event.Type == "" {
		return "unknown"
	}
	return event.Type
}

// response remembers how a request was responded to.
type response struct {
	http.ResponseWriter

	status  int
	problem string
}

// WriteHeader implements http.ResponseWriter.
func (r *response) WriteHeader(status int) {
	if r.status < http.StatusOK { // of informational responses, others follow
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Serve serves a receiver on a listener until ctx is done, then calls end, and waits for the requests that are
// being forwarded.
func Serve(ctx context.Context, listener net.Listener, r *Receiver, end func() error) error {
	server := &http.Server{Handler: r, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serve the webhook at %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	err = errors.Join(err, end())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), forwardTimeout+time.Second)
	defer cancel()
	if stopped := server.Shutdown(drain); stopped != nil {
		err = errors.Join(err, fmt.Errorf("wait for the requests that are being forwarded: %w", stopped), server.Close())
	}
	return err
}
