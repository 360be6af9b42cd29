package cloudrun

import (
	"bytes"
	"sync"
	"time"
)

const (
	// maxLine is the length at which lines are split: Cloud Logging's limit of an entry
	// (https://cloud.google.com/logging/quotas#log-limits).
	maxLine = 256 << 10
	// readPause is how long output collects in a pipe before it is read again. An instance
	// under load writes a line per request: without the pause, each would be read and written
	// to the log alone, which costs a tenth of what a request costs this process.
	readPause = 5 * time.Millisecond
	// readSize is the size in bytes of the buffer that os/exec reads a pipe with. A pipe has
	// room for 64 KiB, so that an instance is not blocked during the pause.
	readSize = 32 << 10
	// maxEntries is the size in bytes of the entries that are written to the log at once.
	maxEntries = 64 << 10
)

// stream splits the data written to it into lines, and writes the log entries of the lines of
// a piece at once.
type stream struct {
	// entry appends the log entry of a line to other entries, write writes entries.
	entry func(entries, line []byte) []byte
	write func(entries []byte)
	// pause is how long Write returns late, unless more is known to wait in the pipe.
	pause time.Duration

	pending []byte
}

// Write accepts any part of the stream. It never fails.
func (s *stream) Write(piece []byte) (int, error) {
	n := len(piece)
	buffer, _ := entryBuffers.Get().(*[]byte)
	entries := (*buffer)[:0]
	for {
		end := bytes.IndexByte(piece, '\n')
		if end < 0 {
			break
		}
		if len(s.pending) == 0 {
			entries = s.entry(entries, piece[:end])
		} else {
			entries = s.entry(entries, append(s.pending, piece[:end]...))
			s.pending = s.pending[:0]
		}
		piece = piece[end+1:]
		if len(entries) >= maxEntries {
			s.write(entries)
			entries = entries[:0]
		}
	}
	s.write(entries)
	if *buffer = entries; cap(entries) <= 2*maxEntries {
		entryBuffers.Put(buffer)
	}
	s.pending = append(s.pending, piece...)
	if len(s.pending) >= maxLine {
		s.flush()
	}
	if n < readSize {
		time.Sleep(s.pause)
	}
	return n, nil
}

// flush writes the line that has no end yet.
func (s *stream) flush() {
	s.write(s.entry(nil, s.pending))
	s.pending = nil
}

// entryBuffers are reused for entries.
var entryBuffers = sync.Pool{New: func() any { return new([]byte) }}

const (
	// tailLines is the number of an instance's last lines that are logged when it dies.
	tailLines = 20
	// maxReused is the size in bytes of a line above which its memory is not used again.
	maxReused = 4 << 10
)

// tail has the last lines of an instance.
type tail struct {
	mu    sync.Mutex
	lines [tailLines][]byte
	added int
}

// add adds a line, in place of the oldest one.
func (t *tail) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest := &t.lines[t.added%tailLines]
	if cap(*oldest) > maxReused {
		*oldest = nil
	}
	*oldest = append((*oldest)[:0], line...)
	t.added++
}

// read returns the last lines, the oldest first.
func (t *tail) read() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for i := max(0, t.added-tailLines); i < t.added; i++ {
		lines = append(lines, string(t.lines[i%tailLines]))
	}
	return lines
}
