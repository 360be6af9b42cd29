package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	// maxScan is how far back the log is searched in bytes, maxEntries how many entries are
	// found.
	maxScan    = 16 << 20
	maxEntries = 300
	// maxRead is the most that is read of what has been added, maxBatch the most entries
	// that are sent of it.
	maxRead  = 1 << 20
	maxBatch = 100
)

// severities are the severities of Cloud Logging that functions use, in ascending order.
var severities = []string{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}

// logFilter selects lines of the log. Empty fields select all. It looks at the bytes of a line,
// which costs little.
type logFilter struct {
	function, trace, text string
	// severity is the least one.
	severity string
}

// matches reports whether a line, a JSON object, is selected.
func (f logFilter) matches(line []byte) bool {
	switch {
	case f.function != "" && member(line, "service_name") != f.function:
		return false
	case f.trace != "" && !bytes.Contains(line, []byte("/traces/"+f.trace)):
		return false
	case f.severity != "" && slices.Index(severities, member(line, "severity")) < slices.Index(severities, f.severity):
		return false
	}
	return f.text == "" || strings.Contains(strings.ToLower(string(line)), strings.ToLower(f.text))
}

// member returns the first string member with a name in a line, up to a quote or an escape.
func member(line []byte, name string) string {
	_, rest, found := bytes.Cut(line, []byte(`"`+name+`":"`))
	if !found {
		return ""
	}
	if end := bytes.IndexAny(rest, `"\`); end >= 0 {
		return string(rest[:end])
	}
	return ""
}

// logFile reads the log of the functions while it grows. The log is renamed when it is full,
// and a new one begun.
type logFile struct {
	path   string
	file   *os.File // nil while the log is missing
	offset int64
	filter logFilter
}

// openLogFile opens a log and returns its newest entries that the filter selects, oldest first.
func openLogFile(path string, filter logFilter) (*logFile, []json.RawMessage, error) {
	l := &logFile{path: path, filter: filter}
	if err := l.open(); err != nil || l.file == nil {
		return l, []json.RawMessage{}, err
	}
	info, err := l.file.Stat()
	if err != nil {
		return l, nil, fmt.Errorf("read the log: %w", err)
	}
	begin := max(info.Size()-maxScan, 0)
	text, err := l.read(begin, maxScan)
	if err != nil {
		return l, nil, err
	}
	entries, _ := l.selectNewest(text, maxEntries)
	return l, entries, nil
}

// open opens the log if it exists.
func (l *logFile) open() error {
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	l.file, l.offset = file, 0
	return nil
}

// read reads complete lines from an offset, at most a number of bytes, and remembers where they
// end. It leaves out the line that the offset is in.
func (l *logFile) read(offset, limit int64) ([]byte, error) {
	begin := max(offset-1, 0)
	text, err := io.ReadAll(io.NewSectionReader(l.file, begin, limit+offset-begin))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	l.offset = max(begin+int64(end), offset)
	text = text[:end]
	if offset > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, nil
}

// added returns the entries that have been added and that the filter selects, and how many of
// them were left out because they are many.
func (l *logFile) added() (entries []json.RawMessage, left int, err error) {
	if l.file == nil {
		if err := l.open(); err != nil || l.file == nil {
			return nil, 0, err
		}
	}
	info, err := l.file.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("read the log: %w", err)
	}
	if info.Size() > l.offset {
		text, err := l.read(max(l.offset, info.Size()-maxRead), maxRead)
		if err != nil {
			return nil, 0, err
		}
		entries, left = l.selectNewest(text, maxBatch)
		return entries, left, nil
	}
	if current, err := os.Stat(l.path); err == nil && !os.SameFile(current, info) {
		err := errors.Join(l.file.Close(), l.open())
		return nil, 0, err
	}
	return nil, 0, nil
}

// selectNewest returns the newest selected lines, at most a number, oldest first, and how many
// others are selected.
func (l *logFile) selectNewest(text []byte, limit int) (entries []json.RawMessage, left int) {
	entries = []json.RawMessage{}
	for len(text) > 0 {
		text = bytes.TrimSuffix(text, []byte("\n"))
		line := text[bytes.LastIndexByte(text, '\n')+1:]
		text = text[:len(text)-len(line)]
		switch {
		case len(line) == 0 || !l.filter.matches(line):
		case len(entries) == limit:
			left++
			if limit == maxEntries {
				text = nil // the history has no end
			}
		case json.Valid(line):
			entries = append(entries, line)
		}
	}
	slices.Reverse(entries)
	return entries, left
}

func (l *logFile) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
