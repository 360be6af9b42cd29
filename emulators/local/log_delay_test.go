//go:build !container

package local

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// file records what is written to a log.
type file struct {
	err error

	mu     sync.Mutex
	text   strings.Builder
	writes int
	closed bool
}

func (f *file) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	f.text.Write(lines)
	return len(lines), f.err
}

func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *file) read() (text string, writes int, closed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String(), f.writes, f.closed
}

func TestDelayedLog(t *testing.T) {
	t.Parallel()
	t.Run("lines are written together after the delay", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			to := &file{}
			log := newDelayedLog(to)
			for round := range 2 {
				for i := range 100 {
					fmt.Fprintln(log, "line", i)
				}
				if _, writes, _ := to.read(); writes != round {
					t.Errorf("%d writes before the delay, want %d", writes, round)
				}
				time.Sleep(logDelay)
				synctest.Wait()
				text, writes, _ := to.read()
				if lines := strings.Count(text, "\n"); writes != round+1 || lines != 100*writes {
					t.Errorf("%d writes of %d lines after the delay, want %d", writes, lines, round+1)
				}
			}
		})
	})
	t.Run("many lines are written before the delay, and each once and complete", func(t *testing.T) {
		t.Parallel()
		to := &file{}
		log := newDelayedLog(to)
		const writers, lines = 8, 2000
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for n := range lines {
					fmt.Fprintf(log, "writer %d line %04d\n", w, n)
				}
			})
		}
		all.Wait()
		err := log.Close()
		text, _, closed := to.read()
		if err != nil || !closed {
			t.Errorf("Close: %v, closed %t", err, closed)
		}
		next := map[string]int{}
		for line := range strings.Lines(text) {
			writer, number := line[:len("writer 0")], line[len("writer 0 "):]
			if want := fmt.Sprintf("line %04d\n", next[writer]); number != want {
				t.Fatalf("%s has %q, want %q", writer, number, want)
			}
			next[writer]++
		}
		if len(next) != writers || next["writer 0"] != lines {
			t.Errorf("%d writers, %d lines of one", len(next), next["writer 0"])
		}
	})
	t.Run("the error of a write is returned by the next one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			full := errors.New("no space left")
			log := newDelayedLog(&file{err: full})
			if _, err := fmt.Fprintln(log, "first"); err != nil {
				t.Errorf("the first line: %v", err)
			}
			time.Sleep(logDelay)
			synctest.Wait()
			if _, err := fmt.Fprintln(log, "second"); !errors.Is(err, full) {
				t.Errorf("the second line: %v, want %v", err, full)
			}
			if err := log.Close(); !errors.Is(err, full) {
				t.Errorf("Close: %v, want %v", err, full)
			}
		})
	})
}
