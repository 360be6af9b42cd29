package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// maxStreams bounds the pages with live data that are open. Hidden ones have no stream.
	maxStreams = 64
	// sendTimeout is how long a client may take to read an event, a page or a file.
	sendTimeout = 20 * time.Second
)

// stream sends events to a page
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type stream struct {
	w       http.ResponseWriter
	ctx     context.Context //nolint:containedctx // of the request, for send and every
	timeout time.Duration
}

// send sends an event, with its data as JSON. It fails when the page has been closed.
func (s *stream) send(event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the event %s: %w", event, err)
	}
	if err := extend(s.w, s.timeout); err != nil {
		return fmt.Errorf("send the event %s: %w", event, err)
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, text); err != nil {
		return fmt.Errorf("send the event %s: %w", event, err)
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return fmt.Errorf("send the event %s: %w", event, err)
	}
	return nil
}

// extend moves the time at which the client must have read what is sent.
func extend(w http.ResponseWriter, timeout time.Duration) error {
	err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
	if errors.Is(err, http.ErrNotSupported) { // by a recorder
		return nil
	}
	return err
}

// every calls do at once and then in every period, until it returns an error or the page is
// closed.
func (s *stream) every(period time.Duration, do func() error) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		if err := do(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return nil
		}
	}
}

// serveEvents returns the handler of a page's events. Close ends it.
func (c *Console) serveEvents(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open := c.watchers.Add(1)
		defer c.watchers.Add(-1)
		if open > maxStreams {
			w.Header().Set("Retry-After", "10")
			http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
			return
		}
		if open == 1 {
			c.sampler.hurry()
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-c.closed:
				cancel()
			case <-ctx.Done():
			}
		}()
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		err := http.NewResponseController(w).Flush() // the page is live before its first event
		if err == nil {
			err = p.events(r.WithContext(ctx), &stream{w: w, ctx: ctx, timeout: c.options.sendTimeout})
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			c.log.Debug("the events of a page ended", "page", p.name, "error", err)
		}
	})
}
