package sampling

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Path is where Handler serves whether a page of the console is open.
const Path = "/watching"

const (
	// period is the time between two requests of Remote: for as long, a page may be open before
	// traces are recorded.
	period = time.Second
	// timeout bounds a request of Remote.
	timeout = time.Second
	// maxBody bounds the response, which is true or false.
	maxBody = 16
)

// Handler serves GET Path.
func Handler(watching func() bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if _, err := io.WriteString(w, strconv.FormatBool(watching())); err != nil {
			slog.DebugContext(r.Context(), "write whether a page is open", "error", err)
		}
	})
}

// Remote reads whether a page of a console in another process is open.
type Remote struct {
	// URL is that of Path.
	URL string

	watching atomic.Bool
}

// Watching reports whether a page was open at the last request.
func (r *Remote) Watching() bool { return r.watching.Load() }

// Follow sends a request every second until ctx is done. Without a response, no page is open.
func (r *Remote) Follow(ctx context.Context) {
	client := &http.Client{Timeout: timeout}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		watching, err := r.read(ctx, client)
		if err != nil {
			slog.DebugContext(ctx, "read whether a page of the console is open", "error", err)
		}
		r.watching.Store(watching)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *Remote) read(ctx context.Context, client *http.Client) (watching bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, http.NoBody)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", r.URL, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", r.URL, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil || response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("read %s: status %d: %w", r.URL, response.StatusCode, err)
	}
	return strconv.ParseBool(string(text))
}
