//go:build !container

package local

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// logDelay is how long lines are collected before they are written to a log. Under load the
	// gateway logs thousands of requests a second, and each write costs as much as the line.
	// A process that is killed loses the lines of that time.
	logDelay = 20 * time.Millisecond
	// maxDelayed is the size in bytes of collected lines that are written without a delay.
	maxDelayed = 32 << 10
)

// delayedLog collects lines and writes them at once. It never blocks for longer than one
// write, and the order of the lines stays.
type delayedLog struct {
	to io.WriteCloser

	mu      sync.Mutex
	lines   []byte
	pending bool // timer runs
	timer   *time.Timer
	err     error // of the writes since the last Write
}

func newDelayedLog(to io.WriteCloser) *delayedLog {
	d := &delayedLog{to: to}
	d.timer = time.AfterFunc(time.Hour, d.expire)
	d.timer.Stop()
	return d
}

// Write adds one or more lines. It returns the error of an earlier write, if there is one.
func (d *delayedLog) Write(lines []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, lines...)
	switch {
	case len(d.lines) >= maxDelayed:
		d.flush()
	case !d.pending:
		d.pending = true
		d.timer.Reset(logDelay)
	}
	err := d.err
	d.err = nil
	return len(lines), err
}

// expire writes the lines at the end of the delay.
func (d *delayedLog) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = false
	d.flush()
}

func (d *delayedLog) flush() {
	if len(d.lines) == 0 {
		return
	}
	_, err := d.to.Write(d.lines)
	d.err = errors.Join(d.err, err)
	if d.lines = d.lines[:0]; cap(d.lines) > 2*maxDelayed {
		d.lines = nil
	}
}

// Close writes the lines and closes the log.
func (d *delayedLog) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
	d.flush()
	return errors.Join(d.err, d.to.Close())
}
