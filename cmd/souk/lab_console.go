//go:build !container

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"souk/emulators/console"
	"souk/emulators/lab"
)

// labStop is how long an experiment that is stopped may take to end its systems.
const labStop = 45 * time.Second

// consoleLab returns the experiments of the console. Each runs in a process of its own, so
// that what it does to a system does not reach the one of the console.
func consoleLab(executable string) *console.Lab {
	l := &console.Lab{}
	for _, x := range lab.All() {
		l.Experiments = append(l.Experiments, console.Experiment{Name: x.Name, Title: x.Title, Hypothesis: x.Hypothesis})
	}
	l.Run = func(ctx context.Context, name string, quick bool, progress func(string)) (console.LabReport, error) {
		report, err := runExperiment(ctx, executable, name, quick, progress)
		return labReport(report), err
	}
	return l
}

// runExperiment runs souk lab and returns its report.
func runExperiment(ctx context.Context, executable, name string, quick bool, progress func(string)) (lab.Report, error) {
	command := exec.CommandContext(ctx, executable, "lab", name, "--json", fmt.Sprintf("--quick=%t", quick))
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = labStop
	var stdout bytes.Buffer
	command.Stdout = &stdout
	lines, err := command.StderrPipe()
	if err != nil {
		return lab.Report{}, fmt.Errorf("run the experiment: %w", err)
	}
	if err := command.Start(); err != nil {
		return lab.Report{}, fmt.Errorf("run the experiment: %w", err)
	}
	last := ""
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		last = strings.TrimSpace(scanner.Text())
		progress(last)
	}
	// A line that is too long for the scanner must not block the experiment.
	_, copied := io.Copy(io.Discard, lines)
	err = errors.Join(copied, command.Wait())
	if ctx.Err() != nil {
		return lab.Report{}, errors.New("the experiment was stopped")
	}
	var reports []lab.Report
	// A failed check is in the report, and the exit status 1 with it.
	if decoded := json.Unmarshal(stdout.Bytes(), &reports); decoded != nil || len(reports) != 1 {
		return lab.Report{}, fmt.Errorf("the experiment has no report (%w): %s", errors.Join(err, decoded), last)
	}
	return reports[0], nil
}

// labReport returns a report as the console shows it.
func labReport(r lab.Report) console.LabReport {
	shown := console.LabReport{Findings: r.Findings, Skipped: r.Skipped, Took: r.Took, Quick: r.Quick}
	for _, table := range r.Tables {
		shown.Tables = append(shown.Tables, console.LabTable(table))
	}
	for _, c := range r.Charts {
		shown.Charts = append(shown.Charts, console.LabChart{Name: c.Name, Title: c.Title, SVG: c.SVG()})
	}
	for _, c := range r.Checks {
		shown.Checks = append(shown.Checks, console.LabCheck{Text: c.Text, OK: c.OK})
	}
	for _, s := range r.Settings {
		shown.Settings = append(shown.Settings, console.LabSetting{What: s.What, Place: s.Place(os.DirFS("."))})
	}
	return shown
}
