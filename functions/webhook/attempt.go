package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"souk/functions/webhook/target"
)

const (
	// attemptTimeout bounds a request to an endpoint, with its response.
	attemptTimeout = 10 * time.Second
	// maxResponse is how much of a response is read, so that its connection can be used again.
	maxResponse = 1 << 20
	// storedResponse is how much of a response is stored.
	storedResponse = 1 << 10
	// maxRetryAfter bounds the header Retry-After of a response.
	maxRetryAfter = time.Hour
)

// ErrorClass is the class of the error of an attempt.
type ErrorClass string

// The classes of errors. It is empty for an attempt that was successful.
const (
	ErrorStatus     ErrorClass = "status"           // a status other than 2xx
	ErrorRedirect   ErrorClass = "redirect"         // a redirect, which is not followed
	ErrorTimeout    ErrorClass = "timeout"          // no complete header within attemptTimeout
	ErrorForbidden  ErrorClass = "forbidden_target" // an address that requests are not sent to
	ErrorDNS        ErrorClass = "dns"              // a name without an address
	ErrorTLS        ErrorClass = "tls"              // a certificate or a version that is not accepted
	ErrorConnection ErrorClass = "connection"       // no connection, or one that was closed
)

// outcome is the result of an attempt.
type outcome struct {
	claim

	at          time.Time
	took        time.Duration
	status      int // 0 without a response
	class       ErrorClass
	response    string
	retryAfter  time.Duration // 0 if the response has none
	interrupted bool          // the process is stopping: the attempt does not count
}

func (o *outcome) succeeded() bool { return o.class == "" }

// attempt sends a delivery.
func (s *service) attempt(ctx context.Context, w *worker, c claim) (outcome, error) {
	o := outcome{claim: c, at: s.Now()}
	r, err := w.newRequest(ctx, c, o.at)
	if err != nil {
		return o, err
	}
	bounded, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	begin := time.Now()
	response, err := s.client.Do(r.WithContext(bounded))
	if err != nil {
		o.class = classify(err)
		o.interrupted = ctx.Err() != nil
	} else {
		o.read(response, o.at)
	}
	o.took = time.Since(begin)
	return o, nil
}

// newRequest returns the request of an attempt.
func (w *worker) newRequest(ctx context.Context, c claim, at time.Time) (*http.Request, error) {
	signature, err := w.signer.sign(c.eventID, at, c.payload)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(c.payload))
	if err != nil {
		return nil, fmt.Errorf("create a request to endpoint %s: %w", w.id, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set(standardwebhooks.HeaderWebhookID, c.eventID.String())
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return r, nil
}

// read reads a response and closes it.
func (o *outcome) read(response *http.Response, now time.Time) {
	defer response.Body.Close()
	o.status = response.StatusCode
	switch {
	case o.status >= 200 && o.status < 300:
	case o.status >= 300 && o.status < 400:
		o.class = ErrorRedirect
	default:
		o.class = ErrorStatus
	}
	o.retryAfter = parseRetryAfter(response.Header.Get("Retry-After"), now)
	// An error does not matter: the status is known.
	text, _ := io.ReadAll(io.LimitReader(response.Body, storedResponse))
	o.response = printable(text)
	_, _ = io.CopyN(io.Discard, response.Body, maxResponse-storedResponse)
}

// printable returns text as valid UTF-8 without control characters other than line feeds and tabs.
func printable(text []byte) string {
	valid := strings.ToValidUTF8(string(text), "\uFFFD")
	for len(valid) > storedResponse { // replacements may be longer than what they replace
		valid = strings.ToValidUTF8(valid[:storedResponse], "")
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f {
			return r
		}
		return ' '
	}, valid)
}

// parseRetryAfter returns the wait that a response asks for (RFC 9110, section 10.2.3), at most
// maxRetryAfter, or 0.
func parseRetryAfter(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// classify returns the class of an error of a request.
func classify(err error) ErrorClass {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case errors.Is(err, target.ErrForbidden):
		return ErrorForbidden
	case errors.As(err, &dns) && !dns.IsTimeout:
		return ErrorDNS
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &authority), strings.Contains(err.Error(), "tls: "):
		return ErrorTLS
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return ErrorTimeout
	}
	return ErrorConnection
}
