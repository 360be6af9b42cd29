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

// sink collects the lines of all instances. Lines of one Write stay together.
type sink struct {
	mu     sync.Mutex
	to     io.Writer
	log    *slog.Logger
	failed atomic.Bool
}

// write never fails: an instance whose output is not read would block, which a full disk
// must not cause. It logs the first error.
func (s *sink) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	s.mu.Lock()
	_, err := s.to.Write(lines)
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
	source string // `{"resource":{...},"labels":{...}`, of every entry
	tail   tail
}

func newOutput(s *sink, function, revision string, instance int) *output {
	o := &output{sink: s, source: fmt.Sprintf(
		`{"resource":{"type":"cloud_run_revision","labels":{"service_name":%q,"revision_name":%q}},"labels":{"instanceId":%q}`,
		function, revision, strconv.Itoa(instance))}
	o.stdout = stream{entry: o.appendEntry, write: s.write, pause: readPause}
	o.stderr = o.stdout
	return o
}

// entry writes one line of the instance to the log.
func (o *output) entry(line []byte) { o.sink.write(o.appendEntry(nil, line)) }

// appendEntry appends the log entry of a line to other entries.
func (o *output) appendEntry(entries, line []byte) []byte {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return entries
	}
	o.tail.add(line)
	entries = append(entries, o.source...)
	if line[0] == '{' && json.Valid(line) {
		fields := bytes.TrimSpace(line[1:])
		if fields[0] != '}' {
			entries = append(entries, ',')
		}
		return append(append(entries, fields...), '\n')
	}
	// Marshalling a string can't fail; bytes that are not UTF-8 are replaced.
	message, _ := json.Marshal(string(line))
	return fmt.Appendf(entries, `,"severity":"DEFAULT","message":%s}`+"\n", message)
}

// flush writes an incomplete last line. It must only be called after the last Write.
func (o *output) flush() {
	o.stdout.flush()
	o.stderr.flush()
}
