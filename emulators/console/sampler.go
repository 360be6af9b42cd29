package console

import (
	"context"
	"maps"
	"sync"
	"time"
)

const (
	// samplePeriod is the time between two samples while a page is open, restPeriod while
	// none is.
	samplePeriod = time.Second
	restPeriod   = 10 * time.Second
	// historySpan is how long samples are stored.
	historySpan = 15 * time.Minute
)

// sampler reads the sources periodically and stores the samples of the last 15 minutes.
type sampler struct {
	read   func() reading
	watch  func() bool
	period time.Duration // while a page is open
	// wake ends a rest.
	wake chan struct{}

	mu      sync.Mutex
	last    reading
	latest  *sample // nil before the first
	history []frame
	// next is closed and replaced with each sample.
	next chan struct{}
}

func newSampler(read func() reading, watch func() bool) *sampler {
	s := &sampler{read: read, watch: watch, period: samplePeriod, wake: make(chan struct{}, 1), next: make(chan struct{})}
	s.last = read()
	return s
}

// run takes samples until closed is closed.
func (s *sampler) run(closed <-chan struct{}) {
	timer := time.NewTimer(s.period)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.wake:
		case <-closed:
			return
		}
		s.take()
		if s.watch() {
			timer.Reset(s.period)
		} else {
			timer.Reset(restPeriod)
		}
	}
}

// take adds a sample of the time since the last one, unless it is very short.
func (s *sampler) take() {
	now := s.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.at-s.last.at < s.period.Seconds()/4 {
		return
	}
	latest := compare(s.last, now)
	s.last, s.latest = now, &latest
	s.history = append(s.history, newFrame(latest))
	old := 0
	for old < len(s.history) && s.history[old].t < now.at-historySpan.Seconds() {
		old++
	}
	s.history = s.history[old:]
	close(s.next)
	s.next = make(chan struct{})
}

// hurry takes a sample soon.
func (s *sampler) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// state returns the last reading and sample, and a channel that is closed with the next one.
// The sample is nil before the first.
func (s *sampler) state() (last reading, latest *sample, next <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.latest, s.next
}

// follow calls do with each new sample, and at once with the last one, until do fails or ctx
// is done.
func (s *sampler) follow(ctx context.Context, do func(reading, sample) error) error {
	for {
		last, latest, next := s.state()
		if latest != nil {
			if err := do(last, *latest); err != nil {
				return err
			}
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil
		}
	}
}

// rows returns the history of a function, or of all with the name "", as rows for chart.js: the
// time and the values of point.
func (s *sampler) rows(name string) [][]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([][]float64, 0, len(s.history))
	for _, f := range s.history {
		if p, found := f.points[name]; found {
			rows = append(rows, p.row(f.t))
		}
	}
	return rows
}

// sparks returns the time and the rate of every function with requests since a time.
func (s *sampler) sparks(since float64) map[string][][2]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := map[string]bool{}
	sparks := map[string][][2]float64{}
	for _, f := range s.history {
		if f.t < since {
			continue
		}
		for name, p := range f.points {
			busy[name] = busy[name] || p[0] > 0
			sparks[name] = append(sparks[name], [2]float64{f.t, round(float64(p[0]))})
		}
	}
	maps.DeleteFunc(sparks, func(name string, _ [][2]float64) bool { return !busy[name] || name == "" })
	return sparks
}
