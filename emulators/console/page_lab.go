package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxLabLines is the number of lines of progress that the page shows.
const maxLabLines = 200

// Lab is what the lab page can run. Experiments start systems of their own.
type Lab struct {
	Experiments []Experiment
	// Run runs an experiment until it ends or ctx is done.
	Run func(ctx context.Context, name string, quick bool, progress func(line string)) (LabReport, error)
}

// Experiment is an experiment of the lab.
type Experiment struct{ Name, Title, Hypothesis string }

// LabReport is what an experiment has found.
type LabReport struct {
	Tables   []LabTable
	Charts   []LabChart
	Findings []string
	Checks   []LabCheck
	Skipped  []string
	// Settings are the counterparts in the cloud, with their places in the repository.
	Settings []LabSetting
	Took     time.Duration
	Quick    bool
}

// LabTable is a table of figures.
type LabTable struct {
	Title   string
	Columns []string
	Rows    [][]string
}

// LabChart is a chart as an SVG file.
type LabChart struct {
	Name, Title string
	SVG         []byte
}

// LabCheck is a result that the experiment expects.
type LabCheck struct {
	Text string
	OK   bool
}

// LabSetting is a setting in terraform/.
type LabSetting struct{ What, Place string }

// labPage runs experiments and shows their reports.
func labPage(c *Console) page {
	l := &labRun{console: c, reports: map[string]LabReport{}, failures: map[string]string{}}
	return page{
		name: "lab", title: "Lab", text: "Experiments on scaling, each on a system of its own",
		view:   func(*http.Request) (any, error) { return l.view(), nil },
		events: l.events,
		routes: map[string]http.HandlerFunc{"GET /lab/chart/{experiment}/{chart}": l.serveChart},
		actions: map[string]action{
			"start": l.start,
			"stop": func(*http.Request) (string, error) {
				if !c.end(experimentJob) {
					return "", fmt.Errorf("%w: nothing is running", errInvalid)
				}
				return "Stopping the experiment and its systems.", nil
			},
		},
	}
}

// labRun has the reports of the experiments that were run.
type labRun struct {
	console *Console

	mu       sync.Mutex
	version  int // changes when a report is added
	lines    []string
	reports  map[string]LabReport
	failures map[string]string
}

// labView is the data of the template.
type labView struct {
	Known       bool
	Version     int
	Experiments []labEntry
}

type labEntry struct {
	Experiment

	Report  *LabReport
	Failure string
	// Version changes the URLs of the charts with the report.
	Version int
}

func (l *labRun) view() labView {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := labView{Known: l.console.options.Lab != nil, Version: l.version}
	if !v.Known {
		return v
	}
	for _, x := range l.console.options.Lab.Experiments {
		entry := labEntry{Experiment: x, Failure: l.failures[x.Name], Version: l.version}
		if report, done := l.reports[x.Name]; done {
			entry.Report = &report
		}
		v.Experiments = append(v.Experiments, entry)
	}
	return v
}

// start starts an experiment.
func (l *labRun) start(r *http.Request) (string, error) {
	lab, name, quick := l.console.options.Lab, r.PostFormValue("name"), r.PostFormValue("quick") != ""
	if lab == nil || !slices.ContainsFunc(lab.Experiments, func(x Experiment) bool { return x.Name == name }) {
		return "", fmt.Errorf("%w: there is no experiment %q here", errInvalid, name)
	}
	err := l.console.begin(experimentJob, name, func(ctx context.Context) {
		l.clear()
		report, err := lab.Run(ctx, name, quick, l.add)
		l.finish(name, report, err)
	})
	if err != nil {
		return "", err
	}
	return "The experiment " + name + " runs.", nil
}

func (l *labRun) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func (l *labRun) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.lines = l.lines[max(0, len(l.lines)-maxLabLines):]
}

func (l *labRun) finish(name string, report LabReport, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	delete(l.failures, name)
	if err != nil {
		l.failures[name] = err.Error()
		return
	}
	l.reports[name] = report
}

// labState is what the page receives.
type labState struct {
	Running string `json:"running"`
	// Version is that of the reports: the page is loaded again when it changes.
	Version int      `json:"version"`
	Lines   []string `json:"lines"`
}

// events sends the progress at once, and whenever it has changed.
func (l *labRun) events(_ *http.Request, s *stream) error {
	last := labState{Version: -1}
	return s.every(loadInterval, func() error {
		running := l.console.running()
		l.mu.Lock()
		now := labState{Running: running, Version: l.version, Lines: append([]string{}, l.lines...)} // not null
		l.mu.Unlock()
		if now.Running == last.Running && now.Version == last.Version && slices.Equal(now.Lines, last.Lines) {
			return nil
		}
		last = now
		return s.send("lab", now)
	})
}

// serveChart handles GET /lab/chart/{experiment}/{chart}.
func (l *labRun) serveChart(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	charts := l.reports[r.PathValue("experiment")].Charts
	l.mu.Unlock() // a client may read slowly
	for _, chart := range charts {
		if chart.Name == r.PathValue("chart") {
			w.Header().Set("Content-Type", "image/svg+xml")
			// Its style is in it, and nothing else is loaded.
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
			l.console.write(w, chart.SVG)
			return
		}
	}
	http.NotFound(w, r)
}
