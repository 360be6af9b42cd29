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
	// maxLine is the length at which lines are split: Cloud Logging's limit of an entry
	// (https://cloud.google.com/logging/quotas#log-limits).
	maxLine = 256 << 10
	// tailLines is the number of an instance's last lines that are logged when it dies.
	tailLines = 20
)

// sink collects the lines of all instances, one Write each.
type sink struct {
	mu     sync.Mutex
	to     io.Writer
	log    *slog.Logger
	failed atomic.Bool
}

// write never fails: an instance whose output is not read would block, which a full disk
// must not cause. It logs the first error.
func (s *sink) write(line []byte) {
	s.mu.Lock()
	_, err := s.to.Write(line)
	s.mu.Unlock()
	if err != nil && !s.failed.Swap(true) {
		s.log.Error("write the logs of the instances: all further lines are lost", "error", err)
	}
}

// output turns the lines of an instance into log entries as in Cloud Logging: JSON lines
// stay as they are, any other line becomes a message, and both get the function and the
// instance. Blank lines, which the framework prints on Cloud Run, are dropped.
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

// tail returns the last lines of the instance.
func (o *output) tail() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.last...)
}

// flush writes an incomplete last line. It must only be called after the last Write.
func (o *output) flush() {
	o.stdout.flush()
	o.stderr.flush()
}

// stream splits the data written to it into lines.
type stream struct {
	line    func([]byte)
	pending []byte
}

// Write accepts any part of the stream. It never fails.
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
