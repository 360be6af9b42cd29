package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzLine compares the lines that are written without slog's handler with those of slog's
// handler.
func FuzzLine(f *testing.F) {
	f.Add("product-get", "requestId", "0199c0de", int64(200), true, int64(0))
	f.Add("a \"quoted\"\nmessage\\", "msg", "<é\u2028>", int64(-1), false, int64(1))
	f.Add("\x7f\xff", "level", "", int64(1<<62), false, int64(253402300800))
	f.Add("", "", "value", int64(0), true, int64(1_700_000_000))
	f.Fuzz(func(t *testing.T, message, key, value string, number int64, flag bool, seconds int64) {
		var at time.Time
		if seconds != 0 {
			at = time.Unix(seconds, number%1e9).UTC()
		}
		for _, attributes := range [][]slog.Attr{
			nil,
			{slog.String(key, value), slog.Int64("number", number), slog.Bool("flag", flag)},
			{slog.GroupAttrs(key, slog.String("level", value), slog.GroupAttrs("inner", slog.Int64(key, number)))},
			{slog.Group("empty"), slog.Any("error", errors.New(value)), slog.Duration(key, time.Duration(number))},
		} {
			record := slog.NewRecord(at, slog.Level(number%12), message, 0)
			record.AddAttrs(attributes...)
			ctx := context.Background()
			if flag {
				ctx = FromHeader(ctx, http.Header{})
			}
			if diff := cmp.Diff(written(ctx, t, record, false), written(ctx, t, record, true)); diff != "" {
				t.Errorf("lines of slog and own lines differ (-slog +own):\n%s", diff)
			}
		}
	})
}

// written returns the line of a record, as slog's handler writes it or as own code does.
func written(ctx context.Context, t *testing.T, record slog.Record, own bool) string {
	t.Helper()
	var out bytes.Buffer
	handler, ok := LogConfig{Project: "souk", Level: -100}.NewLogger(&out).Handler().(*traceHandler)
	if !ok {
		t.Fatal("the handler has another type")
	}
	if !own {
		handler.bare = nil
	}
	if err := handler.Handle(ctx, record); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func requestRecord() slog.Record {
	record := slog.NewRecord(time.Unix(1_700_000_000, 0).UTC(), slog.LevelInfo, "product-get", 0)
	record.AddAttrs(slog.String("requestId", "0199c0de-0000-7000-8000-000000000001"), slog.GroupAttrs("httpRequest",
		slog.String("requestMethod", http.MethodGet), slog.String("requestUrl", "/v1/products/0199c0de-0000-7000-8000-000000000001"),
		slog.Int("status", http.StatusOK), slog.String("responseSize", "400"), slog.String("latency", "0.000500s")))
	return record
}

func TestLineOfARequestIsNotWrittenBySlog(t *testing.T) {
	t.Parallel()
	buffer := &lineBuffer{}
	if buffer.set(requestRecord(), "", ""); !buffer.plain {
		t.Error("the line needs slog's handler")
	}
}

func BenchmarkLine(b *testing.B) {
	for _, name := range []string{"slog", "own"} {
		b.Run(name, func(b *testing.B) {
			handler, ok := NewLogger(io.Discard).Handler().(*traceHandler)
			if !ok {
				b.Fatal("the handler has another type")
			}
			if name == "slog" {
				handler.bare = nil
			}
			record, ctx := requestRecord(), FromHeader(b.Context(), http.Header{})
			b.ReportAllocs()
			for b.Loop() {
				if err := handler.Handle(ctx, record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
