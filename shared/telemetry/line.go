package telemetry

import (
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// maxLine is the size of a buffer above which it is not used again.
const maxLine = 4 << 10

// lineWriter writes lines one after the other, those of slog's JSON handler and its own.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

// Write writes a line.
func (w *lineWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(line)
}

// lineBuffers are reused for lines.
var lineBuffers = sync.Pool{New: func() any { return &lineBuffer{} }}

// lineBuffer has a line of the same form as those of slog's JSON handler, which takes twice
// the time for the line of a request. Only values that need no escaping and no reflection are
// written to it: plain is false if there was another one, and the line must not be used.
type lineBuffer struct {
	bytes []byte
	plain bool
}

// set writes the line of a record. Trace and span are omitted if they are empty.
func (b *lineBuffer) set(record slog.Record, traceName, span string) {
	b.bytes, b.plain = append(b.bytes[:0], '{'), true
	b.time(record.Time)
	b.text(severityKey, severity(record.Level))
	b.text(messageKey, record.Message)
	if traceName != "" {
		b.text(traceKey, traceName)
		b.text(spanKey, span)
	}
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == slog.MessageKey || a.Key == slog.LevelKey { // cloudNames renames them
			b.plain = false
		}
		b.attribute(a)
		return b.plain
	})
	b.bytes = append(b.bytes, "}\n"...)
}

func (b *lineBuffer) time(at time.Time) {
	if at.IsZero() || at.Year() > 9999 {
		b.plain = false
		return
	}
	b.key(slog.TimeKey)
	b.bytes = append(b.bytes, '"')
	b.bytes = at.AppendFormat(b.bytes, time.RFC3339Nano)
	b.bytes = append(b.bytes, '"')
}

func (b *lineBuffer) text(key, value string) {
	b.key(key)
	b.quote(value)
}

func (b *lineBuffer) attribute(a slog.Attr) {
	if a.Key == "" { // omitted or inlined
		b.plain = false
		return
	}
	switch a.Value.Kind() {
	case slog.KindString:
		b.text(a.Key, a.Value.String())
	case slog.KindInt64:
		b.key(a.Key)
		b.bytes = strconv.AppendInt(b.bytes, a.Value.Int64(), 10)
	case slog.KindBool:
		b.key(a.Key)
		b.bytes = strconv.AppendBool(b.bytes, a.Value.Bool())
	case slog.KindGroup:
		b.group(a.Key, a.Value.Group())
	default:
		b.plain = false
	}
}

func (b *lineBuffer) group(key string, attributes []slog.Attr) {
	if len(attributes) == 0 { // omitted
		b.plain = false
		return
	}
	b.key(key)
	b.bytes = append(b.bytes, '{')
	for _, a := range attributes {
		b.attribute(a)
	}
	b.bytes = append(b.bytes, '}')
}

// key begins a member.
func (b *lineBuffer) key(name string) {
	if b.bytes[len(b.bytes)-1] != '{' {
		b.bytes = append(b.bytes, ',')
	}
	b.quote(name)
	b.bytes = append(b.bytes, ':')
}

func (b *lineBuffer) quote(text string) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			b.plain = false
			return
		}
	}
	b.bytes = append(b.bytes, '"')
	b.bytes = append(b.bytes, text...)
	b.bytes = append(b.bytes, '"')
}

// free returns the buffer for another line.
func (b *lineBuffer) free() {
	if cap(b.bytes) <= maxLine {
		lineBuffers.Put(b)
	}
}
