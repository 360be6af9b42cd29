package console

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logLine returns an entry as functions log it.
func logLine(function, severity, message string) string {
	return fmt.Sprintf(`{"resource":{"labels":{"service_name":%q}},"time":"2026-11-28T18:23:00.110112Z","severity":%q,"message":%q,`+
		`"logging.googleapis.com/trace":"projects/souk-local/traces/%s"}`+"\n", function, severity, message, "f285f15f10c919a5662b4d5a7d871c0"+message[:1])
}

// entryMessages returns the messages of entries.
func entryMessages(t *testing.T, entries []json.RawMessage) []string {
	t.Helper()
	found := []string{}
	for _, entry := range entries {
		var e struct{ Message string }
		if err := json.Unmarshal(entry, &e); err != nil {
			t.Fatal(err)
		}
		found = append(found, e.Message)
	}
	return found
}

func mustAppend(t *testing.T, path string, lines ...string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(strings.Join(lines, "")); err != nil {
		t.Fatal(err)
	}
}

// TestLogFilter requires that the page shows what its filter selects, and nothing else.
func TestLogFilter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "functions.log")
	mustAppend(t, path, logLine("order-place", "INFO", "1 placed"), logLine("order-get", "WARNING", "2 slow"),
		logLine("order-place", "ERROR", "3 Failed"), "not JSON\n", logLine("order-place-x", "DEBUG", "4 detail"))
	for name, tc := range map[string]struct {
		filter logFilter
		want   []string
	}{
		"everything":         {logFilter{}, []string{"1 placed", "2 slow", "3 Failed", "4 detail"}},
		"a function":         {logFilter{function: "order-place"}, []string{"1 placed", "3 Failed"}},
		"a severity and up":  {logFilter{severity: "WARNING"}, []string{"2 slow", "3 Failed"}},
		"a trace":            {logFilter{trace: "f285f15f10c919a5662b4d5a7d871c02"}, []string{"2 slow"}},
		"text in lower case": {logFilter{text: "failed"}, []string{"3 Failed"}},
		"nothing":            {logFilter{text: "missing"}, []string{}},
	} {
		t.Run("selects "+name, func(t *testing.T) {
			t.Parallel()
			log, entries, err := openLogFile(path, tc.filter)
			if err != nil {
				t.Fatal(err)
			}
			defer log.close()
			if diff := cmp.Diff(tc.want, entryMessages(t, entries)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLogGrows requires that entries are read once: those of a log that is missing at first,
// that grows by parts of lines, and that is renamed when it is full.
func TestLogGrows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "functions.log")
	log, entries, err := openLogFile(path, logFilter{})
	if err != nil || len(entries) != 0 {
		t.Fatalf("a missing log: %v, %v", entries, err)
	}
	defer func() { log.close() }()
	requireAdded := func(want ...string) {
		t.Helper()
		got := []string{}
		for range 3 { // the end of a renamed log, its successor, and what that has
			entries, _, err := log.added()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, entryMessages(t, entries)...)
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("added (-want +got):\n%s", diff)
		}
	}
	line := logLine("jwks", "INFO", "1")
	mustAppend(t, path, line[:20])
	requireAdded()
	mustAppend(t, path, line[20:], logLine("jwks", "INFO", "2"))
	requireAdded("1", "2")
	mustAppend(t, path, logLine("jwks", "INFO", "3"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, path, logLine("jwks", "INFO", "4"))
	requireAdded("3", "4")
}

// TestLogIsBounded requires that a burst is cut, with the number of what was left out.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "functions.log")
	mustAppend(t, path, strings.Repeat(logLine("jwks", "INFO", "0"), maxEntries+50))
	log, entries, err := openLogFile(path, logFilter{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	if len(entries) != maxEntries {
		t.Errorf("%d entries at first, want %d", len(entries), maxEntries)
	}
	mustAppend(t, path, strings.Repeat(logLine("jwks", "INFO", "0"), maxBatch+50))
	entries, left, err := log.added()
	if err != nil || len(entries) != maxBatch || left != 50 {
		t.Errorf("%d entries and %d left out (%v), want %d and 50", len(entries), left, err, maxBatch)
	}
}
