// Package lab_test runs the experiments of souk lab. `make test` runs their quick variants,
// which compare counts only; `make lab` runs them in full, and compares times as well.
package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/emulators/buildtest"
	"souk/emulators/lab"
)

var full = flag.Bool("full", false, "run the experiments in full, one after the other")

// programs is the folder of the programs under test.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/lab:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "souk-lab-test-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	if err := buildtest.Programs(context.Background(), programs, buildtest.Shop()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func TestExperiments(t *testing.T) {
	t.Parallel()
	for _, experiment := range lab.All() {
		t.Run("the hypothesis of "+experiment.Name+" holds", func(t *testing.T) {
			if !*full {
				t.Parallel()
			}
			for _, report := range mustRun(t, experiment.Name) {
				t.Logf("%s", report.Text(os.DirFS("../..")))
				if len(report.Checks) == 0 || len(report.Tables) == 0 || len(report.Charts) == 0 {
					t.Error("the experiment has no checks, no table or no chart")
				}
				for _, check := range report.Checks {
					if !check.OK {
						t.Errorf("not so: %s", check.Text)
					}
				}
			}
		})
	}
}

// mustRun runs an experiment with temporary folders of its own, and requires that nothing of
// it is left.
func mustRun(t *testing.T, name string) []lab.Report {
	t.Helper()
	folder := t.TempDir()
	args := []string{"lab", name, "--json"}
	if !*full {
		args = append(args, "--quick")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	command := newCommand(ctx, folder, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Errorf("souk %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	var reports []lab.Report
	if err := json.Unmarshal(stdout.Bytes(), &reports); err != nil || len(reports) == 0 {
		t.Fatalf("%d reports, %v:\n%s", len(reports), err, stdout.Bytes())
	}
	requireNothing(t, folder)
	return reports
}

// newCommand returns a command of souk with temporary files in a folder, and with a private
// server for each system: it can be killed.
func newCommand(ctx context.Context, folder string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(programs, "souk"), args...)
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "DATABASE_URL=") })
	command.Env = append(command.Env, "TMPDIR="+folder)
	return command
}

// TestInterrupt interrupts each experiment while its systems run, as Ctrl-C and the console's
// page do: it ends soon, and leaves neither processes nor files.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	if *full {
		t.Skip("the figures of the other test are measured on a machine that does nothing else")
	}
	// Lines of progress after which something of the shop is down, or its systems run.
	lines := map[string]string{"events": "Pub/Sub is down for", "network": "stock is down"}
	for _, experiment := range lab.All() {
		t.Run(experiment.Name+" leaves nothing when it is interrupted", func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := newCommand(ctx, folder, "lab", experiment.Name, "--quick")
			stderr, err := command.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			// The first line is the hypothesis, and the second the first step of the experiment.
			scanner, n := bufio.NewScanner(stderr), 0
			for ; scanner.Scan(); n++ {
				if text, known := lines[experiment.Name]; known && strings.Contains(scanner.Text(), text) || !known && n == 1 {
					break
				}
			}
			if err := command.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			output, err := io.ReadAll(stderr)
			if err != nil {
				t.Error(err)
			}
			err = command.Wait()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("after the line %q: %v, want the exit status 1 soon\n%s", scanner.Text(), err, output)
			}
			requireNothing(t, folder)
		})
	}
}

// requireNothing requires that a folder is empty, and that no process uses it.
func requireNothing(t *testing.T, folder string) {
	t.Helper()
	remaining, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(remaining) > 0 {
		t.Errorf("the experiment left %v, %v", remaining, err)
	}
	processes, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range processes {
		// A process that has ended meanwhile, or that is of another user, is none of it.
		if environment, err := os.ReadFile(path); err == nil && bytes.Contains(environment, []byte(folder)) {
			t.Errorf("a process is left: %s", path)
		}
	}
}
