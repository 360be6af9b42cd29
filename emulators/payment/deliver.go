package payment

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// SignatureHeader is the header with the signature of a callback.
const SignatureHeader = "Payment-Signature"

const (
	// callbackTimeout bounds one request to the webhook URL.
	callbackTimeout = 10 * time.Second
	// maxDrain is how much of a response is read so that its connection can be used again.
	maxDrain = 64 << 10
)

// Sign returns the signature of a callback's body: t=UNIX,v1=HEX, where UNIX is the time in
// seconds and HEX the HMAC-SHA-256 of "UNIX.BODY" with the secret. The receiver rejects a time
// that is too long ago, so that a recorded callback cannot be repeated.
func Sign(secret string, at time.Time, body []byte) string {
	unix := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(unix + "."))
	mac.Write(body)
	return "t=" + unix + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Deliver makes the changes that are due and sends the callbacks that are due, one after the
// other in the order in which they are due. It returns how many requests it sent.
func (p *Provider) Deliver(ctx context.Context) int {
	requests := 0
	for ctx.Err() == nil {
		e, url := p.claim()
		if e == nil {
			break
		}
		requests += p.send(ctx, e, url)
	}
	return requests
}

// Run delivers in the background until ctx is done.
func (p *Provider) Run(ctx context.Context) {
	slots := make(chan struct{}, defaultSenders)
	var sending sync.WaitGroup
	defer sending.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			e, url := p.claim()
			if e == nil {
				<-slots
				break
			}
			sending.Go(func() {
				p.send(ctx, e, url)
				<-slots
			})
		}
		if delay, ok := p.untilNext(); ok {
			timer.Reset(delay)
		} else {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-p.changed:
		case <-ctx.Done():
			return
		}
	}
}

// pauseIfStuck is the time until the next check if something is due that could not be done: the
// journal may have failed.
const pauseIfStuck = time.Second

// untilNext returns the time until a payment or a callback is due, if any will be.
func (p *Provider) untilNext() (delay time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.due.next()
	if at := p.callbacks.next(); p.webhookURL != "" && !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	if delay = next.Sub(p.now()); delay <= 0 {
		delay = pauseIfStuck
	}
	return delay, !next.IsZero()
}

// send posts an event once, or twice if it is to be duplicated, and records the result. It
// returns the number of requests.
func (p *Provider) send(ctx context.Context, e *event, url string) int {
	// A change is not announced before it is durable.
	err := p.sync()
	if err != nil {
		p.sent(e, err)
		return 0
	}
	err = p.post(ctx, e, url)
	requests := 1
	if e.duplicate && err == nil {
		err = p.post(ctx, e, url)
		requests++
	}
	if err != nil {
		p.options.Logger.Debug("send a callback", "event", e.ID, "error", err)
	}
	p.sent(e, err)
	return requests
}

func (p *Provider) post(ctx context.Context, e *event, url string) error {
	body, err := e.body()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Souk-Payment")
	request.Header.Set(SignatureHeader, Sign(p.options.WebhookSecret, p.options.Clock(), body))
	// A transport does not follow redirects, which are no acknowledgment.
	response, err := p.options.Transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// The content has no meaning; failing to read it only costs a connection.
	_, _ = io.CopyN(io.Discard, response.Body, maxDrain)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the webhook responded with %d", response.StatusCode)
	}
	return nil
}
