// Package lab_test runs the experiments of souk lab. `make test` runs their quick variants,
// which compare counts only; `make lab` runs them in full, and compares times as well.
package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
	for program, source := range map[string]string{
		"souk": "./cmd/souk", "product": "./functions/product/cmd", "order": "./functions/order/cmd", "user": "./functions/user/cmd",
	} {
		build := exec.Command("go", "build", "-o", filepath.Join(programs, program), source)
		build.Dir, build.Stderr = "../..", os.Stderr
		if err := build.Run(); err != nil {
			return 1, fmt.Errorf("build %s: %w", source, err)
		}
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
	command := exec.CommandContext(ctx, filepath.Join(programs, "souk"), args...)
	// A private server for each system: it can be killed.
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "DATABASE_URL=") })
	command.Env = append(command.Env, "TMPDIR="+folder)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Errorf("souk %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	var reports []lab.Report
	if err := json.Unmarshal(stdout.Bytes(), &reports); err != nil || len(reports) == 0 {
		t.Fatalf("%d reports, %v:\n%s", len(reports), err, stdout.Bytes())
	}
	remaining, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(remaining) > 0 {
		t.Errorf("the experiment left %v, %v", remaining, err)
	}
	return reports
}
