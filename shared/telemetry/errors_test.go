package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"

	"souk/shared/telemetry"
)

const reported = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

// TestErrorReporting checks the attributes for Error Reporting: an error has its program,
// version and place, a panic its stack, and other entries are not reported.
func TestErrorReporting(t *testing.T) {
	t.Parallel()
	config := telemetry.LogConfig{Project: "souk", Service: "order-place", Revision: "order-place-00002-xyz"}
	log := func(t *testing.T, c telemetry.LogConfig, write func(*slog.Logger)) map[string]any {
		t.Helper()
		var out bytes.Buffer
		write(c.NewLogger(&out))
		return mustLine(t, out.Bytes())
	}
	requireService := func(t *testing.T, line map[string]any) {
		t.Helper()
		service, _ := line["serviceContext"].(map[string]any)
		if line["@type"] != reported || line["severity"] != "ERROR" || service["service"] != config.Service || service["version"] != config.Revision {
			t.Errorf("the entry is %v", line)
		}
	}
	location := func(line map[string]any) map[string]any {
		context, _ := line["context"].(map[string]any)
		place, _ := context["reportLocation"].(map[string]any)
		return place
	}

	t.Run("an error is grouped by its place", func(t *testing.T) {
		t.Parallel()
		line := log(t, config, func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").ErrorContext(traced(t), "operation failed", "error", errors.New("ada@example.com"))
		})
		requireService(t, line)
		place := location(line)
		file, _ := place["filePath"].(string)
		if !strings.HasSuffix(file, "/errors_test.go") || place["lineNumber"] == 0.0 || !strings.Contains(place["functionName"].(string), "TestErrorReporting") {
			t.Errorf("the place is %v", place)
		}
		if line["message"] != "operation failed" || line["logging.googleapis.com/trace"] == nil {
			t.Errorf("the entry is %v", line)
		}
	})

	t.Run("a panic is grouped by its stack, without the text of its cause", func(t *testing.T) {
		t.Parallel()
		line := log(t, config, func(l *slog.Logger) {
			l.Error("function panicked", telemetry.StackTraceKey, telemetry.StackTrace(errors.New("ada@example.com"), debug.Stack()))
		})
		requireService(t, line)
		stack, _ := line[telemetry.StackTraceKey].(string)
		if !strings.HasPrefix(stack, "panic: *errors.errorString\n\ngoroutine ") || strings.Contains(stack, "ada@") ||
			!strings.Contains(stack, "telemetry_test.TestErrorReporting") || location(line) != nil {
			t.Errorf("the entry is %v", line)
		}
	})

	t.Run("a panic of the runtime has its text", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if got := telemetry.StackTrace(recover(), nil); !strings.HasPrefix(got, "panic: runtime error: index out of range [3] with length 0\n") {
				t.Errorf("got %q", got)
			}
		}()
		index := 3 // a constant would not compile
		_ = []int{}[index]
	})

	for name, line := range map[string]map[string]any{
		"a warning": log(t, config, func(l *slog.Logger) { l.Warn("w") }),
		"a request": log(t, config, func(l *slog.Logger) { l.Error("order-place", slog.Group("httpRequest", slog.Int("status", 500))) }),
		"an error of a program without a service": log(t, telemetry.LogConfig{}, func(l *slog.Logger) { l.Error("e") }),
	} {
		if line["@type"] != nil || line["serviceContext"] != nil || line["context"] != nil {
			t.Errorf("%s is reported: %v", name, line)
		}
	}
}
