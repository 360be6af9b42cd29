package telemetry

import (
	"fmt"
	"log/slog"
	"runtime"
)

// reportedErrorEvent has Error Reporting take a log entry for an error, also one without
// a stack: https://cloud.google.com/error-reporting/docs/formatting-error-messages
const reportedErrorEvent = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

// StackTraceKey is the attribute that Error Reporting groups panics by.
const StackTraceKey = "stack_trace"

// requestKey is the attribute of a request's log entry: that a request failed is no error
// of its own.
const requestKey = "httpRequest"

// errorReporter adds to errors what Error Reporting groups them by: the program, its
// version and the place in the code. The texts of errors are not among it: they differ
// each time, and may be personal.
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

// StackTrace returns a panic in the form that Go prints it in, which Error Reporting
// parses. Of its cause it has the type, or the text if it is the runtime's own: another
// text may be personal.
func StackTrace(cause any, stack []byte) string {
	text := fmt.Sprintf("%T", cause)
	if err, ok := cause.(runtime.Error); ok {
		text = err.Error()
	}
	return "panic: " + text + "\n\n" + string(stack)
}
