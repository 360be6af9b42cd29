package functiontest

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"

	"souk/shared/telemetry"
)

// Logs are the log entries of a test program, in the format of the cloud.
type Logs struct {
	mu   sync.Mutex
	text bytes.Buffer
	out  io.Writer
}

// RecordLogs makes a recorder of the default log, which is written to standard error too. It is for
// TestMain, because the default log is that of all tests.
func RecordLogs() *Logs {
	l := &Logs{out: os.Stderr}
	slog.SetDefault(telemetry.NewLogger(l))
	return l
}

// Write implements io.Writer.
func (l *Logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	return l.out.Write(line)
}

// Entries returns the entries with a message and an attribute of a value.
func (l *Logs) Entries(t testing.TB, message, attribute, value string) (entries []map[string]any) {
	t.Helper()
	l.mu.Lock()
	text := bytes.Clone(l.text.Bytes())
	l.mu.Unlock()
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(value)) {
			continue
		}
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("decode the log entry %s: %v", line, err)
		}
		if entry["message"] == message && entry[attribute] == value {
			entries = append(entries, entry)
		}
	}
	return entries
}
