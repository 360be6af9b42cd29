package console

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"souk/emulators/load"
)

const (
	// loadInterval is the time between two points of the charts.
	loadInterval = 500 * time.Millisecond
	// maxLoadSeconds is the longest load of the page.
	maxLoadSeconds = 300
)

// loadPage starts loads and shows what they measure.
func loadPage(c *Console) page {
	l := &loadRun{console: c}
	return page{
		name: "load", title: "Load", text: "Send requests as customers do, and watch the system",
		view:   func(*http.Request) (any, error) { return l.view(), nil },
		events: l.events,
		actions: map[string]action{
			"start": l.start,
			"stop": func(*http.Request) (string, error) {
				if !c.end(loadJob) {
					return "", fmt.Errorf("%w: nothing is running", errInvalid)
				}
				return "Stopping. Orders that are placed are still decided.", nil
			},
		},
	}
}

// loadRun is the last load.
type loadRun struct {
	console *Console

	mu      sync.Mutex
	number  int
	options load.Options
	points  []loadPoint
	result  *load.Result
	failure string
}

// loadPoint is a state of a load at a time.
type loadPoint struct {
	load.Snapshot

	// At is in seconds since 1970.
	At float64 `json:"at"`
}

// loadState is what the page receives.
type loadState struct {
	Running  string        `json:"running"`
	Number   int           `json:"number"`
	Scenario load.Scenario `json:"scenario"`
	Users    int           `json:"users"`
	Rate     float64       `json:"rate"`
	// Points are those since the last state that was sent; First is the number of the first.
	Points  []loadPoint  `json:"points"`
	First   int          `json:"first"`
	Result  *load.Result `json:"result,omitempty"`
	AddsUp  bool         `json:"addsUp"`
	Failure string       `json:"failure,omitempty"`
}

// loadView is the data of the template.
type loadView struct {
	Known     bool
	Scenarios []loadScenario
	MaxUsers  int
	MaxTime   int
	MaxRate   int
}

type loadScenario struct {
	Name  load.Scenario
	Title string
	Text  string
}

func (l *loadRun) view() loadView {
	return loadView{
		Known: l.console.options.Load != nil, MaxUsers: load.MaxUsers, MaxTime: maxLoadSeconds, MaxRate: load.MaxRate,
		Scenarios: []loadScenario{
			{load.Browse, "Browse", "Lists products and reads one. The catalogue may be cached."},
			{load.Checkout, "Checkout", "Reads products, orders one, and reads the order until it is decided."},
			{load.FlashSale, "Flash sale", "All want the same product, of which there are 200. Not one more is sold."},
		},
	}
}

// start starts a load with the values of the form.
func (l *loadRun) start(r *http.Request) (string, error) {
	target := l.console.options.Load
	if target == nil {
		return "", fmt.Errorf("%w: this system cannot be loaded from here", errInvalid)
	}
	options, err := loadOptions(r)
	if err != nil {
		return "", err
	}
	options.Target, options.Interval, options.Progress = *target, loadInterval, l.add
	options.Abort = l.console.closed
	if err := options.Check(); err != nil {
		return "", fmt.Errorf("%w: %w", errInvalid, err)
	}
	err = l.console.begin(loadJob, string(options.Scenario), func(ctx context.Context) {
		l.reset(options)
		result, err := load.Run(ctx, options)
		l.finish(result, err)
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s for %s", options.Scenario, options.Duration), nil
}

// loadOptions returns the options in a form.
func loadOptions(r *http.Request) (o load.Options, err error) {
	o.Scenario = load.Scenario(r.PostFormValue("scenario"))
	number := func(name string, least float64, most int) float64 {
		text := strings.TrimSpace(r.PostFormValue(name))
		if text == "" {
			return 0
		}
		value, failed := strconv.ParseFloat(text, 64)
		if failed != nil || !(value >= least && value <= float64(most)) { // NaN is neither
			err = fmt.Errorf("%w: %s is %g to %d, not %q", errInvalid, name, least, most, text)
		}
		return value
	}
	o.Users = int(number("users", 1, load.MaxUsers))
	o.Rate = number("rate", 0, load.MaxRate)
	o.Duration = time.Duration(number("seconds", 1, maxLoadSeconds) * float64(time.Second))
	return o, err
}

func (l *loadRun) reset(options load.Options) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	l.options, l.points, l.result, l.failure = options, nil, nil, ""
}

func (l *loadRun) add(s load.Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.points = append(l.points, loadPoint{Snapshot: s, At: float64(time.Now().UnixMilli()) / 1000})
}

func (l *loadRun) finish(result load.Result, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failure = err.Error()
	}
	if result.Scenario != "" {
		l.result = &result
	}
}

// state returns the state with the points from a number on, all if the load is another one.
func (l *loadRun) state(number, sent int) loadState {
	running := l.console.running()
	l.mu.Lock()
	defer l.mu.Unlock()
	if number != l.number || sent > len(l.points) {
		sent = 0
	}
	s := loadState{
		Running: running, Number: l.number, Scenario: l.options.Scenario, Users: l.options.Users, Rate: l.options.Rate,
		Points: append([]loadPoint{}, l.points[sent:]...), First: sent, Result: l.result, Failure: l.failure,
	}
	s.AddsUp = l.result != nil && l.result.AddsUp()
	return s
}

// events sends the state at once, and whenever it has changed.
func (l *loadRun) events(_ *http.Request, s *stream) error {
	var last loadState
	sent, first := 0, true
	return s.every(loadInterval/2, func() error {
		now := l.state(last.Number, sent)
		if !first && len(now.Points) == 0 && now.Running == last.Running && now.Number == last.Number && now.Result == last.Result && now.Failure == last.Failure {
			return nil
		}
		last, sent, first = now, now.First+len(now.Points), false
		return s.send("load", now)
	})
}
