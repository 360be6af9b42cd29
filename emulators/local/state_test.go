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
	t.Run("a folder has one system at a time", func(t *testing.T) {
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
	t.Run("a full disk is an error with advice", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		err := explain(s.checkSpace(1<<62), s.path)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "--state-dir") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a folder that can't be created is an error", func(t *testing.T) {
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
	t.Run("secrets are created once, for their owner only", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		created, again := mustSecrets(t, s, "order"), mustSecrets(t, s, "order")
		if created.Admin != again.Admin || created.SigningKey != again.SigningKey || created.Databases["order"] != again.Databases["order"] ||
			created.byName("PAYMENT_KEY") != again.byName("PAYMENT_KEY") {
			t.Error("the secrets changed")
		}
		if len(created.byName("PAYMENT_KEY")) < 32 || created.byName("SMTP_URL") != "" || created.byName("UNKNOWN") != "" {
			t.Error("a secret without rules is not random, or another one is")
		}
		if created.Admin.Password == created.Customer.Password || created.Admin.Password == "" {
			t.Error("passwords are not random")
		}
		info, err := os.Stat(s.file(secretsFile))
		if err != nil || info.Mode() != fs.FileMode(0o600) {
			t.Errorf("mode %v, error %v", info.Mode(), err)
		}
	})
	t.Run("a new service gets its own secrets, and the others do not change", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		before, after := mustSecrets(t, s, "order"), mustSecrets(t, s, "order", "user")
		if after.Databases["order"] != before.Databases["order"] || after.Databases["user"] == "" {
			t.Errorf("before %v, after %v", before.Databases, after.Databases)
		}
	})
	t.Run("an unreadable file is not replaced", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, t.TempDir())
		if err := os.WriteFile(s.file(secretsFile), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		var advice *Advice
		if _, err := s.secrets(nil, nil); !errors.As(err, &advice) {
			t.Errorf("got %v", err)
		}
		if text, err := os.ReadFile(s.file(secretsFile)); err != nil || string(text) != "{" {
			t.Errorf("content = %q, %v", text, err)
		}
	})
}

func mustOpen(t *testing.T, dir string) *state {
	t.Helper()
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.lock.Close() }) // may have been released
	return s
}

func mustSecrets(t *testing.T, s *state, services ...string) *secrets {
	t.Helper()
	created, err := s.secrets(services, []string{"SMTP_URL", "PAYMENT_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	return created
}
