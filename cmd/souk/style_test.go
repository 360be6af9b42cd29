package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStyle(t *testing.T) {
	t.Parallel()
	const escape = "\x1b["
	t.Run("a terminal gets colours", func(t *testing.T) {
		t.Parallel()
		if said := onTerminal(t, command(t, "status"), "TERM=xterm"); !strings.Contains(said, escape) {
			t.Errorf("no colours: %q", said)
		}
	})
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
		t.Run(variable+" gets none", func(t *testing.T) {
			t.Parallel()
			said := onTerminal(t, command(t, "status"), "TERM=xterm", variable)
			if strings.Contains(said, escape) || !strings.Contains(said, "no system runs") {
				t.Errorf("got %q", said)
			}
		})
	}
	t.Run("a pipe gets none", func(t *testing.T) {
		t.Parallel()
		if r := souk(t, "status"); strings.Contains(r.stderr, escape) {
			t.Errorf("got %q", r.stderr)
		}
	})
}

// onTerminal returns what a command says to a terminal.
func onTerminal(t *testing.T, cmd *exec.Cmd, environment ...string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = terminal
	cmd.Env = append(cmd.Env, "NO_COLOR=")
	cmd.Env = append(cmd.Env, environment...)
	// It fails, since nothing runs; what it says is what counts.
	_ = cmd.Run()
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	// The master ends with EIO when no process has the terminal open any more.
	_, _ = io.Copy(&said, master)
	return said.String()
}
