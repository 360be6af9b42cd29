package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/config"
)

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWithSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "product", "DATABASE_URL"), "mysql://a\n")
	mustWrite(t, filepath.Join(dir, "KEY"), "line\nline\n")
	mustWrite(t, filepath.Join(dir, "PORT"), "1")
	mustWrite(t, filepath.Join(dir, "logins.json"), "{}")
	t.Run("files become variables unless those are set or the name is invalid", func(t *testing.T) {
		t.Parallel()
		environment := config.Environment{config.SecretsDir: dir, "PORT": "8080"}
		got, err := environment.WithSecretFiles()
		if err != nil {
			t.Fatal(err)
		}
		want := config.Environment{
			config.SecretsDir: dir, "PORT": "8080", "DATABASE_URL": "mysql://a", "KEY": "line\nline",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(environment) != 2 {
			t.Errorf("the environment that was given has become %v", environment)
		}
	})
	t.Run("nothing is read without SECRETS_DIR", func(t *testing.T) {
		t.Parallel()
		got, err := config.Environment{"PORT": "8080"}.WithSecretFiles()
		if err != nil || len(got) != 1 {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("a missing folder is an error with its name", func(t *testing.T) {
		t.Parallel()
		_, err := config.Environment{config.SecretsDir: filepath.Join(dir, "gone")}.WithSecretFiles()
		if err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("got %v", err)
		}
	})
}
