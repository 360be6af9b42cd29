package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// exportTimeout bounds how long a request waits for its spans to be exported.
	exportTimeout = time.Second
	// exportPause is the time after an error in which no request waits for an export.
	exportPause = 10 * time.Second
)

// exporter exports the spans of requests. An error never fails the request: it is logged
// once, until exports succeed again, and the spans are counted.
type exporter struct {
	now func() time.Time
	// open returns the connection. It is called for the first sampled request.
	open func(ctx context.Context) (sdktrace.SpanExporter, error)

	mu       sync.Mutex
	out      sdktrace.SpanExporter
	pausedTo time.Time
	lost     int64 // spans since exports succeeded last
	lostEver int64
}

// export exports spans, at most for exportTimeout. The end of ctx does not matter: the
// response of a client that has disconnected is worth as much.
func (e *exporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) {
	if len(spans) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	out, err := e.connection(ctx)
	if out == nil && err == nil { // paused
		e.lose(len(spans))
		return
	}
	if err == nil {
		err = out.ExportSpans(ctx, spans)
	}
	e.exported(ctx, len(spans), err)
}

// connection returns the connection, nil during the pause after an error.
func (e *exporter) connection(ctx context.Context) (sdktrace.SpanExporter, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now().Before(e.pausedTo) {
		return nil, nil
	}
	if e.out == nil {
		out, err := e.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("open the exporter of traces: %w", err)
		}
		e.out = out
	}
	return e.out, nil
}

// lostSpans returns how many spans could not be exported.
func (e *exporter) lostSpans() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lostEver
}

func (e *exporter) lose(spans int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost += int64(spans)
	e.lostEver += int64(spans)
}

// exported records the outcome of an export.
func (e *exporter) exported(ctx context.Context, spans int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		if e.lost > 0 {
			slog.InfoContext(ctx, "traces are exported again", "lostSpans", e.lost)
		}
		e.lost = 0
		return
	}
	if e.lost == 0 {
		slog.WarnContext(ctx, "traces cannot be exported", "error", err)
	}
	e.lost += int64(spans)
	e.lostEver += int64(spans)
	e.pausedTo = e.now().Add(exportPause)
}
