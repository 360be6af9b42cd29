package telemetry

import (
	"fmt"
	"log/slog"
	"runtime"
)

// reportedErrorEvent makes Error Reporting treat a log entry as an error even without a
// stack: https://cloud.google.com/error-reporting/docs/formatting-error-messages
const reportedErrorEvent = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

// StackTraceKey is the attribute by which Error Reporting groups panics.
const StackTraceKey = "stack_trace"

// requestKey is the attribute of a request's log entry. A failed request is not reported: the
// error that caused it has its own entry.
const requestKey = "httpRequest"

// errorReporter adds the attributes by which Error Reporting groups errors: the program, its
// version and the place in the code. The texts of errors are not used: they vary and may have
// personal data.
type errorReporter struct{ service, revision string }

func (r errorReporter) attributes(line slog.Record) []slog.Attr {
	if r.service == "" || line.Level < slog.LevelError || hasAttribute(line, requestKey) {
		return nil
	}
	added := []slog.Attr{
		slog.String("@type", reportedErrorEvent),
		slog.GroupAttrs("serviceContext", slog.String("service", r.service), slog.String("version", r.revision)),
	}
	if frame, _ := runtime.CallersFrames([]uintptr{line.PC}).Next(); frame.File != "" && !hasAttribute(line, StackTraceKey) {
		added = append(added, slog.GroupAttrs("context", slog.GroupAttrs("reportLocation",
			slog.String("filePath", frame.File), slog.Int("lineNumber", frame.Line), slog.String("functionName", frame.Function))))
	}
	return added
}

func hasAttribute(line slog.Record, key string) (found bool) {
	line.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

// StackTrace returns a panic in Go's format, which Error Reporting parses. It has the type of
// the cause, and the text only of errors of the runtime: other texts may have personal data.
func StackTrace(cause any, stack []byte) string {
	text := fmt.Sprintf("%T", cause)
	if err, ok := cause.(runtime.Error); ok {
		text = err.Error()
	}
	return "panic: " + text + "\n\n" + string(stack)
}
