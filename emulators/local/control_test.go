package local

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{
		"a short path":                      "s",
		"a path too long for a Unix socket": strings.Repeat("long", 40),
	} {
		t.Run("a system with "+name+" has a control socket", func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), folder)
			s := &System{state: mustOpen(t, dir), log: slog.New(slog.DiscardHandler)}
			c, err := startControl(t.Context(), s.state, s.controlHandler(), s.log)
			if err != nil {
				t.Fatal(err)
			}
			client, err := Connect(dir)
			if err != nil {
				t.Fatal(err)
			}
			if client.PID() != os.Getpid() {
				t.Errorf("process %d, want %d", client.PID(), os.Getpid())
			}
			if _, err := client.Status(t.Context()); err == nil || err.Error() != errNotReady.Error() {
				t.Errorf("status during the start: %v", err)
			}
			if err := c.stop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.state.release(); err != nil {
				t.Error(err)
			}
			if _, err := Connect(dir); !errors.Is(err, ErrNotRunning) {
				t.Errorf("connect after the stop: %v", err)
			}
		})
	}
}
