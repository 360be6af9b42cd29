// Package lab has experiments on what scaling the shop meets: each states a hypothesis, runs
// on a system of its own, and reports what was seen beside the setting of the cloud that it
// is about. Systems have their data in temporary folders and end with the experiment.
package lab

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"souk/emulators/lab/chart"
	"souk/emulators/local"
	"souk/shared/database"
)

// Experiment is one experiment.
type Experiment struct {
	// Name is its name on the command line.
	Name  string
	Title string
	// Hypothesis is what the experiment expects.
	Hypothesis string
	// Settings are the counterparts in the cloud.
	Settings []Setting
	run      func(ctx context.Context, e *Env, r *Report) error
}

// All returns all experiments, in the order in which they run.
func All() []Experiment {
	return []Experiment{events, balance, autoscale, network, databases}
}

// Find returns the experiment with a name.
func Find(name string) (Experiment, bool) {
	i := slices.IndexFunc(All(), func(x Experiment) bool { return x.Name == name })
	if i < 0 {
		return Experiment{}, false
	}
	return All()[i], true
}

// Env is where experiments run.
type Env struct {
	// Programs is the folder of the services' programs.
	Programs string
	// Instance is the command that serves a function of the lab: ServeInstance.
	Instance []string
	// Quick runs a short variant, whose times mean nothing.
	Quick bool
	// DatabaseURL is a server to use; empty starts a private one for each system.
	DatabaseURL database.URL
	// Audit checks the data of a system, and returns what it found, "" for nothing.
	Audit func(ctx context.Context, status local.Status) (findings string, err error)
	// Progress receives a line about each step.
	Progress func(line string)
}

func (e *Env) progress(format string, args ...any) {
	if e.Progress != nil {
		e.Progress(fmt.Sprintf(format, args...))
	}
}

// pick returns the value for a full or a quick run.
func pick[T any](e *Env, full, quick T) T {
	if e.Quick {
		return quick
	}
	return full
}

// Report is what an experiment has found.
type Report struct {
	Name       string        `json:"name"`
	Title      string        `json:"title"`
	Hypothesis string        `json:"hypothesis"`
	Quick      bool          `json:"quick,omitempty"`
	Took       time.Duration `json:"tookNanoseconds"`
	Tables     []Table       `json:"tables,omitempty"`
	Charts     []chart.Chart `json:"charts,omitempty"`
	// Findings are sentences about what was seen.
	Findings []string  `json:"findings,omitempty"`
	Checks   []Check   `json:"checks,omitempty"`
	Skipped  []string  `json:"skipped,omitempty"`
	Settings []Setting `json:"settings"`
}

// Table is a table of figures.
type Table struct {
	Title   string     `json:"title"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Add appends a row.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = fmt.Sprint(cell)
	}
	t.Rows = append(t.Rows, row)
}

// Check is a result that the experiment expects.
type Check struct {
	Text string `json:"text"`
	OK   bool   `json:"ok"`
	// Timed is set if the result depends on the speed of the machine. A quick run does not
	// have such checks.
	Timed bool `json:"timed,omitempty"`
}

// count adds a check that holds on every machine: a number of instances, none lost.
func (r *Report) count(ok bool, format string, args ...any) {
	r.Checks = append(r.Checks, Check{Text: fmt.Sprintf(format, args...), OK: ok})
}

// compare adds a check that compares times. A quick run measures too little for it.
func (r *Report) compare(ok bool, format string, args ...any) {
	if !r.Quick {
		r.Checks = append(r.Checks, Check{Text: fmt.Sprintf(format, args...), OK: ok, Timed: true})
	}
}

func (r *Report) find(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// OK reports whether all checks are.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.OK })
}

// Setting is a setting in terraform/.
type Setting struct {
	// What says what the setting is for.
	What string `json:"what"`
	// File is its file, and Text is in exactly one line of it.
	File string `json:"file"`
	Text string `json:"text"`
}

// Line returns the number of the setting's line.
func (s Setting) Line(repository fs.FS) (int, error) {
	text, err := fs.ReadFile(repository, s.File)
	if err != nil {
		return 0, fmt.Errorf("find the setting %q: %w", s.Text, err)
	}
	found := 0
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.Contains(line, s.Text) {
			continue
		}
		if found > 0 {
			return 0, fmt.Errorf("%s has %q in lines %d and %d", s.File, s.Text, found, i+1)
		}
		found = i + 1
	}
	if found == 0 {
		return 0, fmt.Errorf("%s has no line with %q", s.File, s.Text)
	}
	return found, nil
}

// Place returns the file and the line of the setting, or the file alone without a repository.
func (s Setting) Place(repository fs.FS) string {
	line, err := s.Line(repository)
	if err != nil {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, line)
}

// Run runs the experiment.
func (x Experiment) Run(ctx context.Context, e *Env) (Report, error) {
	begin := time.Now()
	r := Report{Name: x.Name, Title: x.Title, Hypothesis: x.Hypothesis, Quick: e.Quick, Settings: x.Settings}
	if err := x.run(ctx, e, &r); err != nil {
		return r, fmt.Errorf("experiment %s: %w", x.Name, err)
	}
	r.Took = time.Since(begin)
	return r, nil
}
