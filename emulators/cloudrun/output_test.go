package cloudrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// entry is the part of a log entry that the tests read.
type entry struct {
	Severity, Message string
	Resource          struct{ Labels map[string]string }
}

func mustEntries(t *testing.T, log *lines) []entry {
	t.Helper()
	var entries []entry
	for line := range strings.Lines(log.String()) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("a log line is not JSON: %v: %.200s", err, line)
		}
		entries = append(entries, e)
	}
	return entries
}

func TestLogs(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "chatty")
	p.mustPID(t)
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range mustEntries(t, p.printed) {
		count[e.Severity+"|"+e.Message]++
		if e.Resource.Labels["service_name"] != "hello" {
			t.Errorf("an entry lacks its function or instance: %+v", e)
		}
	}
	for message, want := range map[string]int{
		"INFO|json": 1, `DEFAULT|plain "text"`: 1, "|": 1, "DEFAULT|in pieces": 1, "DEFAULT|from stderr": 1,
		"DEFAULT|the last, without a newline": 1, "DEFAULT|" + strings.Repeat("x", 3000): 400,
	} {
		if count[message] != want {
			t.Errorf("%d entries %.40q, want %d", count[message], message, want)
		}
		delete(count, message)
	}
	if len(count) != 0 {
		t.Errorf("unexpected entries: %.200v", count)
	}
}

func TestStreamSplitsEndlessLines(t *testing.T) {
	t.Parallel()
	var got []int
	s := stream{
		entry: func(entries, line []byte) []byte { return append(append(entries, line...), '\n') },
		write: func(entries []byte) {
			if len(entries) > 0 {
				got = append(got, len(entries)-len("\n"))
			}
		},
	}
	for range 3 {
		if _, err := s.Write(make([]byte, maxLine/2)); err != nil {
			t.Fatal(err)
		}
	}
	s.flush()
	if len(got) != 2 || got[0] != maxLine || got[1] != maxLine/2 {
		t.Errorf("got lines of %v bytes", got)
	}
}

// Lines are written in order, those of a piece at once.
func TestStreamWritesLinesAtOnce(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "line %d of %s\n", i, strings.Repeat("x", i%50))
	}
	for _, size := range []int{7, 100, readSize, text.Len()} {
		var got strings.Builder
		writes := 0
		s := stream{
			entry: func(entries, line []byte) []byte { return append(append(entries, line...), '\n') },
			write: func(entries []byte) {
				if len(entries) > 0 {
					writes++
				}
				if len(entries) > 2*maxEntries {
					t.Errorf("%d bytes were written at once", len(entries))
				}
				got.Write(entries)
			},
		}
		pieces := 0
		for piece := range slices.Chunk([]byte(text.String()), size) {
			pieces++
			if _, err := s.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if got.String() != text.String() {
			t.Errorf("pieces of %d bytes: the lines differ from those written", size)
		}
		if most := pieces + text.Len()/maxEntries; writes > most {
			t.Errorf("pieces of %d bytes: %d writes, want at most %d", size, writes, most)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestInstancesOutliveAFullDisk(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "chatty", func(o *Options) { o.Logs = fullDisk{} })
	if a := p.mustDo(t, http.MethodGet, "/pid", ""); a.status != http.StatusOK {
		t.Errorf("got %+v", a)
	}
	if n := strings.Count(p.log.String(), "no space left on device"); n != 1 {
		t.Errorf("%d errors in the log, want one: %s", n, p.log)
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	o := newOutput(&sink{to: &lines{}, log: slog.New(slog.DiscardHandler)}, "hello", "hello-00001-abc", 1)
	for i := range 3 * tailLines {
		o.entry([]byte{byte('a' + i%26)})
	}
	if tail := o.tail.read(); len(tail) != tailLines || tail[tailLines-1] != string(rune('a'+(3*tailLines-1)%26)) {
		t.Errorf("got %v", tail)
	}
}
