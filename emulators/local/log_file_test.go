package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestLog(t *testing.T) {
	t.Parallel()
	t.Run("a log stays within twice its limit and has the newest complete lines", func(t *testing.T) {
		t.Parallel()
		const limit, writers, lines = 10_000, 8, 500
		path := filepath.Join(t.TempDir(), "log")
		log, err := OpenLog(path, limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for n := range lines {
					if _, err := fmt.Fprintf(log, "writer %d line %03d\n", w, n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) != 2 {
			t.Fatalf("files %v, %v", files, err)
		}
		text := mustRead(t, path+previousLog) + mustRead(t, path)
		if len(text) > 2*limit || len(text) < limit {
			t.Errorf("%d bytes of %d, with a limit of %d", len(text), writers*lines*18, limit)
		}
		for line := range strings.Lines(text) {
			if len(line) != len("writer 0 line 000\n") {
				t.Errorf("line %q is incomplete", line)
			}
		}
		if !strings.Contains(text, fmt.Sprintf("line %03d", lines-1)) {
			t.Error("the newest line is missing")
		}
	})
	t.Run("the existing content counts for the limit", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "log")
		for range 30 {
			log, err := OpenLog(path, 100, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = log.Write([]byte(strings.Repeat("x", 39) + "\n"))
			if err := errors.Join(err, log.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(mustRead(t, path)) + len(mustRead(t, path+previousLog)); n > 200 {
			t.Errorf("%d bytes, the limit is 100", n)
		}
	})
	t.Run("reopened receives the new file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "log")
		var now *os.File
		log, err := OpenLog(path, 10, func(file *os.File) error { now = file; return nil })
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		for _, line := range []string{"first line\n", "second line\n"} {
			if _, err := log.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if now == nil {
			t.Fatal("reopened was not called")
		}
		if _, err := now.WriteString("by the file\n"); err != nil {
			t.Fatal(err)
		}
		if text := mustRead(t, path); text != "second line\nby the file\n" {
			t.Errorf("content = %q", text)
		}
	})
	t.Run("a log that cannot be renamed stays in use", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "log")
		if err := os.MkdirAll(filepath.Join(path+previousLog, "file"), 0o700); err != nil {
			t.Fatal(err)
		}
		log, err := OpenLog(path, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		_, _ = log.Write([]byte("first line\n"))
		if _, err := log.Write([]byte("second line\n")); err == nil {
			t.Error("no error")
		}
		if text := mustRead(t, path); !strings.Contains(text, "second line") {
			t.Errorf("content = %q", text)
		}
	})
}

func TestTrimLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := TrimLog(path, 10); err != nil {
		t.Errorf("trim a missing log: %v", err)
	}
	for text, remains := range map[string]bool{"12345": true, "123456": false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := TrimLog(path, 10); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != remains {
			t.Errorf("%d bytes of 10: %v", len(text), err)
		}
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
