package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConsoleOfCompose runs `souk console --compose` with a program in place of docker.
func TestConsoleOfCompose(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, docker string) result {
		t.Helper()
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "docker"), []byte("#!/bin/sh\n"+docker), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := command(t, "console", "--compose", "--print")
		cmd.Env = append(cmd.Env, "PATH="+folder+":"+os.Getenv("PATH"))
		return finish(t, cmd)
	}
	t.Run("the link is that of the command in a container", func(t *testing.T) {
		t.Parallel()
		const link = "http://127.0.0.1:8090/?token=A"
		docker := `case "$*" in "compose run --rm --no-deps -T souk console --print") echo Creating >&2; echo "` + link + `";; *) exit 9;; esac`
		if got := run(t, docker).requireExitCode(t, 0).stdout; strings.TrimSpace(got) != link {
			t.Errorf("got %q, want %s", got, link)
		}
	})
	t.Run("the error of docker is shown", func(t *testing.T) {
		t.Parallel()
		run(t, "echo no such service >&2; exit 1").requireExitCode(t, 1).requireStderr(t, "no such service")
	})
}
