package cloudrun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	// maxLine is where a longer line is cut: Cloud Logging's limit of an entry
	// (https://cloud.google.com/logging/quotas#log-limits).
	maxLine = 256 << 10
	// tailLines are kept of an instance, to be shown when it dies.
	tailLines = 20
)

// sink is where the lines of all instances come together, one Write each.
type sink struct {
	mu     sync.Mutex
	to     io.Writer
	log    *slog.Logger
	failed atomic.Bool
}

// write never fails: an instance whose output is not read would hang, and must
// not because our disk is full. The first failure is logged.
func (s *sink) write(line []byte) {
	s.mu.Lock()
	_, err := s.to.Write(line)
	s.mu.Unlock()
	if err != nil && !s.failed.Swap(true) {
		s.log.Error("the logs of the instances can't be written and are lost from here on", "error", err)
	}
}

// output turns what an instance prints into log entries as Cloud Logging keeps
// them: JSON lines pass as they are, any other line becomes a message, and both
// are told which function and instance they come from. Blank lines are dropped;
// the framework prints them on Cloud Run.
type output struct {
	stdout, stderr stream

	sink   *sink
	source string // `"resource":{...},"labels":{...}`, of every entry

	mu   sync.Mutex
	last []string
}

func newOutput(s *sink, function, revision string, instance int) *output {
	o := &output{sink: s, source: fmt.Sprintf(
		`"resource":{"type":"cloud_run_revision","labels":{"service_name":%q,"revision_name":%q}},"labels":{"instanceId":%q}`,
		function, revision, strconv.Itoa(instance))}
	o.stdout.line, o.stderr.line = o.entry, o.entry
	return o
}

// entry writes one line of the instance to the log.
func (o *output) entry(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	o.remember(string(line))
	var fields []byte
	if line[0] == '{' && json.Valid(line) {
		fields = bytes.TrimSpace(line[1:])
	} else {
		// Marshalling a string can't fail; bytes that are not UTF-8 are replaced.
		message, _ := json.Marshal(string(line))
		fields = fmt.Appendf(nil, `"severity":"DEFAULT","message":%s}`, message)
	}
	entry := append([]byte{'{'}, o.source...)
	if fields[0] != '}' {
		entry = append(entry, ',')
	}
	entry = append(entry, fields...)
	o.sink.write(append(entry, '\n'))
}

func (o *output) remember(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = append(o.last, line)
	if len(o.last) > tailLines {
		o.last = o.last[1:]
	}
}

// tail returns the last lines the instance printed.
func (o *output) tail() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.last...)
}

// flush writes what was printed without an end of line. Only when nobody writes
// any more.
func (o *output) flush() {
	o.stdout.flush()
	o.stderr.flush()
}

// stream cuts what is written to it into lines.
type stream struct {
	line    func([]byte)
	pending []byte
}

// Write takes any piece of the stream. It never fails.
func (s *stream) Write(piece []byte) (int, error) {
	n := len(piece)
	for {
		end := bytes.IndexByte(piece, '\n')
		if end < 0 {
			break
		}
		if len(s.pending) == 0 {
			s.line(piece[:end])
		} else {
			s.line(append(s.pending, piece[:end]...))
			s.pending = s.pending[:0]
		}
		piece = piece[end+1:]
	}
	s.pending = append(s.pending, piece...)
	if len(s.pending) >= maxLine {
		s.flush()
	}
	return n, nil
}

func (s *stream) flush() {
	s.line(s.pending)
	s.pending = nil
}
