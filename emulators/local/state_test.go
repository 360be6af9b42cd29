package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestState(t *testing.T) {
	t.Parallel()
	t.Run("one system a folder, and the next when it has gone", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		first := mustOpen(t, dir)
		var advice *Advice
		if _, err := openState(dir); !errors.As(err, &advice) {
			t.Fatalf("a second system: %v", err)
		}
		if err := first.release(); err != nil {
			t.Fatal(err)
		}
		if err := mustOpen(t, dir).release(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a full disk is called that, with what to do", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		err := explain(s.checkSpace(1<<62), s.path)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "--state-dir") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a folder that can't be made is an error that says what to do", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openState(filepath.Join(file, "state")); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	t.Run("they are made once, for their owner alone", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		made, again := mustSecrets(t, s, "order"), mustSecrets(t, s, "order")
		if made.Admin != again.Admin || made.SigningKey != again.SigningKey || made.Databases["order"] != again.Databases["order"] {
			t.Error("they changed")
		}
		if made.Admin.Password == made.Customer.Password || made.Admin.Password == "" {
			t.Error("passwords are not random")
		}
		info, err := os.Stat(s.file(secretsFile))
		if err != nil || info.Mode() != fs.FileMode(0o600) {
			t.Errorf("mode %v, error %v", info.Mode(), err)
		}
	})
	t.Run("a service that is new gets its own, and the others keep theirs", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		before, after := mustSecrets(t, s, "order"), mustSecrets(t, s, "order", "user")
		if after.Databases["order"] != before.Databases["order"] || after.Databases["user"] == "" {
			t.Errorf("before %v, after %v", before.Databases, after.Databases)
		}
	})
	t.Run("a damaged file is never replaced", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		if err := os.WriteFile(s.file(secretsFile), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		var advice *Advice
		if _, err := s.secrets(nil); !errors.As(err, &advice) {
			t.Errorf("got %v", err)
		}
		if text, err := os.ReadFile(s.file(secretsFile)); err != nil || string(text) != "{" {
			t.Errorf("the file is now %q, %v", text, err)
		}
	})
}

func mustOpen(t *testing.T, dir string) *state {
	t.Helper()
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.lock.Close() }) // Some tests have released it.
	return s
}

func mustSecrets(t *testing.T, s *state, services ...string) *secrets {
	t.Helper()
	made, err := s.secrets(services)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
