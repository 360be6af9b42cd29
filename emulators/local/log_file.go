//go:build !container

package local

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// previousLog is the suffix of a rotated log.
const previousLog = ".1"

// Log is an append-only file of lines. When it is full it is renamed, replacing the previous
// one, and a new file is created: both take twice the limit at most.
type Log struct {
	path  string
	limit int64
	// reopened is called with each new file; may be nil.
	reopened func(*os.File) error

	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenLog opens a log of a limited size. reopened, unless it is nil, is called with the new
// file after each rotation.
func OpenLog(path string, limit int64, reopened func(*os.File) error) (*Log, error) {
	l := &Log{path: path, limit: limit, reopened: reopened}
	return l, l.open()
}

// TrimLog rotates a log that is more than half full, so that the next lines stay in one file
// for a while.
func TrimLog(path string, limit int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() > limit/2 {
		err = os.Rename(path, path+previousLog)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rotate the log %s: %w", path, err)
	}
	return nil
}

func (l *Log) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log %s: %w", l.path, err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the log %s: %w", l.path, err), file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write appends one or more lines, which stay together in one file.
func (l *Log) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rotateErr error
	if l.size > 0 && l.size+int64(len(lines)) > l.limit {
		rotateErr = l.rotate()
	}
	n, err := l.file.Write(lines)
	l.size += int64(n)
	return n, errors.Join(rotateErr, err)
}

// rotate renames the log and creates a new file. On an error, the same file stays in use.
func (l *Log) rotate() error {
	if err := os.Rename(l.path, l.path+previousLog); err != nil {
		return fmt.Errorf("rotate the log %s: %w", l.path, err)
	}
	full := l.file
	if err := l.open(); err != nil {
		return err
	}
	var err error
	if l.reopened != nil {
		err = l.reopened(l.file)
	}
	return errors.Join(err, full.Close())
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
