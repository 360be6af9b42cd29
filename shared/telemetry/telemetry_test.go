package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/shared/telemetry"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentSpan  = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + parentSpan + "-01"
)

func traced(t *testing.T) context.Context {
	t.Helper()
	return telemetry.FromHeader(t.Context(), http.Header{"Traceparent": {traceparent}})
}

// mustLine decodes the only logged line. It fails the test for a duplicate key, of which
// Cloud Logging would store one.
func mustLine(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	again, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := bytes.Count(text, []byte(`":`)), bytes.Count(again, []byte(`":`)); got != want {
		t.Fatalf("a key is duplicated: %s", text)
	}
	return line
}

func TestLogger(t *testing.T) {
	t.Parallel()
	t.Run("writes one JSON object per line with the fields of Cloud Logging", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		telemetry.LogConfig{Project: "souk"}.NewLogger(&out).
			InfoContext(traced(t), "placed\nan order", "order", 7, "error", errors.New("boom"))
		if got := strings.Count(out.String(), "\n"); got != 1 {
			t.Errorf("%d lines: %s", got, out.String())
		}
		line := mustLine(t, out.Bytes())
		for key, want := range map[string]any{
			"severity": "INFO", "message": "placed\nan order", "order": 7.0, "error": "boom",
			"logging.googleapis.com/trace": "projects/souk/traces/" + traceID,
		} {
			if line[key] != want {
				t.Errorf("%s is %v, want %v", key, line[key], want)
			}
		}
		span, _ := line["logging.googleapis.com/spanId"].(string)
		if len(span) != 16 || span == parentSpan {
			t.Errorf("the span is %q, want a new one", span)
		}
		at, _ := line["time"].(string)
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
			t.Errorf("the time is %q: %v", at, err)
		}
		for _, key := range []string{"msg", "level"} {
			if _, there := line[key]; there {
				t.Errorf("%s is slog's name, not Cloud Logging's", key)
			}
		}
	})

	t.Run("has only the trace id without a project, and none outside of a trace", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		logger := telemetry.NewLogger(&out)
		logger.InfoContext(traced(t), "inside")
		if got := mustLine(t, out.Bytes())["logging.googleapis.com/trace"]; got != traceID {
			t.Errorf("the trace is %v, want %s", got, traceID)
		}
		out.Reset()
		logger.Info("outside")
		if _, there := mustLine(t, out.Bytes())["logging.googleapis.com/trace"]; there {
			t.Errorf("a trace outside of a request: %s", out.String())
		}
	})

	t.Run("maps every level to its severity", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		logger := telemetry.LogConfig{Level: slog.LevelDebug - 4}.NewLogger(&out)
		for level, want := range map[slog.Level]string{
			slog.LevelDebug - 4: "DEBUG", slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelInfo + 1: "INFO",
			slog.LevelWarn: "WARNING", slog.LevelError: "ERROR", slog.LevelError + 4: "ERROR",
		} {
			out.Reset()
			logger.Log(t.Context(), level, "hello")
			if got := mustLine(t, out.Bytes())["severity"]; got != want {
				t.Errorf("severity of %s is %v, want %s", level, got, want)
			}
		}
	})

	t.Run("omits lines below the level", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		logger := telemetry.LogConfig{Level: slog.LevelWarn}.NewLogger(&out)
		logger.Info("no")
		logger.Debug("no")
		if out.Len() > 0 {
			t.Errorf("logged %s", out.String())
		}
	})

	t.Run("writes the trace outside of groups", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		logger := telemetry.NewLogger(&out).With("service", "order").WithGroup("http").With("route", "/").WithGroup("").WithGroup("in")
		logger.InfoContext(traced(t), "hello", "level", "mine")
		line := mustLine(t, out.Bytes())
		if line["logging.googleapis.com/trace"] != traceID || line["service"] != "order" || line["message"] != "hello" {
			t.Errorf("got %s", out.String())
		}
		group, _ := line["http"].(map[string]any)
		in, _ := group["in"].(map[string]any)
		if group["route"] != "/" || in["level"] != "mine" {
			t.Errorf("the groups are %v", line["http"])
		}
	})
}

func TestTrace(t *testing.T) {
	t.Parallel()
	t.Run("continues from function to function through header and attribute", func(t *testing.T) {
		t.Parallel()
		ctx := traced(t)
		header := http.Header{}
		telemetry.ToHeader(ctx, header)
		inHeader, inAttribute := header.Get(telemetry.TraceparentKey), telemetry.Traceparent(ctx)
		if inHeader != inAttribute || !strings.HasPrefix(inHeader, "00-"+traceID+"-") || strings.Contains(inHeader, parentSpan) {
			t.Errorf("got %q and %q, want a new span of trace %s", inHeader, inAttribute, traceID)
		}
		if got := telemetry.TraceID(telemetry.FromTraceparent(t.Context(), inAttribute)); got != traceID {
			t.Errorf("the next function is in trace %s, want %s", got, traceID)
		}
	})

	t.Run("begins anew without a valid trace", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for _, malformed := range []string{
			"", "x", "00-" + traceID, "ff-" + traceID + "-" + parentSpan + "-01",
			"00-" + strings.Repeat("0", 32) + "-" + parentSpan + "-01", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01",
		} {
			for _, ctx := range []context.Context{
				telemetry.FromHeader(t.Context(), http.Header{"Traceparent": {malformed}}),
				telemetry.FromTraceparent(t.Context(), malformed),
			} {
				id := telemetry.TraceID(ctx)
				if len(id) != 32 || id == traceID || seen[id] {
					t.Errorf("after %q the trace is %q, want a new one", malformed, id)
				}
				seen[id] = true
			}
		}
	})

	t.Run("stays the request's if a message has no trace", func(t *testing.T) {
		t.Parallel()
		if got := telemetry.TraceID(telemetry.FromTraceparent(traced(t), "")); got != traceID {
			t.Errorf("the trace is %s, want %s", got, traceID)
		}
	})

	t.Run("is empty outside of a request", func(t *testing.T) {
		t.Parallel()
		if id, attribute := telemetry.TraceID(t.Context()), telemetry.Traceparent(t.Context()); id != "" || attribute != "" {
			t.Errorf("the trace is %q, propagated as %q", id, attribute)
		}
	})
}
