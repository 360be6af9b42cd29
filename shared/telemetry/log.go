// Package telemetry writes logs with the fields of Cloud Logging and propagates traces from
// function to function.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// The fields of a JSON line that Cloud Logging interprets:
// https://cloud.google.com/logging/docs/structured-logging
const (
	severityKey = "severity"
	messageKey  = "message"
	traceKey    = "logging.googleapis.com/trace"
	spanKey     = "logging.googleapis.com/spanId"
)

// LogConfig configures a logger.
type LogConfig struct {
	// Project is the Google Cloud project of the traces. Without it, a line has only the
	// trace id.
	Project string `env:"GOOGLE_CLOUD_PROJECT"`
	// Service and Revision name the program in Error Reporting. Without them nothing is
	// reported there.
	Service  string `env:"K_SERVICE"`
	Revision string `env:"K_REVISION"`
	// Level is the minimum severity to log: DEBUG, INFO, WARN or ERROR.
	Level slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
}

// NewLogger returns a new logger that writes one JSON object per line to w. A line that is
// logged with a context has the context's trace and span.
func NewLogger(w io.Writer) *slog.Logger { return LogConfig{}.NewLogger(w) }

// NewLogger is like the function NewLogger, with the settings of c.
func (c LogConfig) NewLogger(w io.Writer) *slog.Logger {
	prefix := ""
	if c.Project != "" {
		prefix = "projects/" + c.Project + "/traces/"
	}
	out := &lineWriter{out: w}
	lines := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: c.Level, ReplaceAttr: cloudNames})
	return slog.New(&traceHandler{Handler: lines, outer: lines, prefix: prefix, reporter: errorReporter{c.Service, c.Revision}, bare: out})
}

func cloudNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = messageKey
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String(severityKey, severity(level))
		}
		return slog.String(severityKey, "DEFAULT")
	}
	return a
}

func severity(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	default:
		return "DEBUG"
	}
}

// traceHandler adds the trace and span of the context to each line, and to errors what
// Error Reporting reads.
type traceHandler struct {
	slog.Handler
	prefix   string
	reporter errorReporter
	// outer is the handler before its first group, and inner are the groups and attributes
	// after it: Cloud Logging reads trace and span only outside of groups.
	outer slog.Handler
	inner []func(slog.Handler) slog.Handler
	// bare is the destination of lines, nil for a handler with groups or attributes of its own.
	bare *lineWriter
}

func (h *traceHandler) Handle(ctx context.Context, line slog.Record) error {
	added := h.reporter.attributes(line)
	traceName, spanID := "", ""
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		traceName, spanID = h.prefix+span.TraceID().String(), span.SpanID().String()
	}
	if h.bare != nil && len(added) == 0 {
		buffer, _ := lineBuffers.Get().(*lineBuffer)
		defer buffer.free()
		if buffer.set(line, traceName, spanID); buffer.plain {
			_, err := h.bare.Write(buffer.bytes)
			return err
		}
	}
	if traceName != "" {
		added = append(added, slog.String(traceKey, traceName), slog.String(spanKey, spanID))
	}
	if len(added) == 0 {
		return h.Handler.Handle(ctx, line)
	}
	handler := h.outer.WithAttrs(added)
	for _, add := range h.inner {
		handler = add(handler)
	}
	return handler.Handle(ctx, line)
}

func (h *traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(base slog.Handler) slog.Handler { return base.WithAttrs(attrs) }, len(h.inner) > 0)
}

func (h *traceHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(base slog.Handler) slog.Handler { return base.WithGroup(name) }, true)
}

func (h *traceHandler) with(add func(slog.Handler) slog.Handler, inner bool) *traceHandler {
	added := *h
	added.Handler, added.bare = add(h.Handler), nil
	if inner {
		added.inner = append(slices.Clip(h.inner), add)
	} else {
		added.outer = added.Handler
	}
	return &added
}
