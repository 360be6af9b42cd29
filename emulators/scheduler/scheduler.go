// Package scheduler is Cloud Scheduler on one machine: it publishes a tick to the
// topic of every function with a schedule, when the schedule says so, in UTC.
//
// As in the cloud a tick that was missed, because the machine slept or the last
// one was still being published, is not made up for.
package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/robfig/cron/v3"

	"souk/shared/event"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// EventType is the type of a tick's event, in its attribute of that name.
const EventType = event.TypeScheduleDue

const (
	// publishTimeout is how long one publish may take.
	publishTimeout = 30 * time.Second
	// maxLateness is how late a tick may go out. Later it counts as missed.
	maxLateness = 30 * time.Second
)

// Publisher publishes one message to a topic.
type Publisher interface {
	Publish(ctx context.Context, topic string, data []byte, attributes map[string]string) error
}

// Options says what to publish and where. A zero Clock is the machine's.
type Options struct {
	Manifest  *manifest.Manifest
	Publisher Publisher
	Clock     Clock
	// Logger hears of ticks that could not be published. nil says nothing.
	Logger *slog.Logger
}

// Scheduler publishes ticks until Close.
type Scheduler struct {
	options Options
	jobs    []*job
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// job is one function with a schedule.
type job struct {
	function string
	topic    string
	schedule cron.Schedule
	// turn is held while the job publishes: never twice at once.
	turn chan struct{}
}

// Start schedules every function of the list that has a schedule. Its error names
// every schedule that can't be kept. The scheduler ends with ctx or Close.
func Start(ctx context.Context, options Options) (*Scheduler, error) {
	options.Clock = cmp.Or[Clock](options.Clock, systemClock{})
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Scheduler{options: options}
	var faults []error
	for _, function := range options.Manifest.Functions {
		if function.Schedule == "" {
			continue
		}
		schedule, err := parse(function.Schedule, options.Clock.Now())
		if err != nil {
			faults = append(faults, fmt.Errorf("schedule %q of %s: %w", function.Schedule, function.Name, err))
			continue
		}
		s.jobs = append(s.jobs, &job{
			function: function.Name, topic: function.Topics()[0], schedule: schedule, turn: make(chan struct{}, 1),
		})
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	for _, j := range s.jobs {
		s.running.Go(func() { s.keep(ctx, j) })
	}
	return s, nil
}

// parse reads a cron expression of five fields. It refuses a time zone, since the
// list's schedules are UTC, and one that is never due.
func parse(expression string, now time.Time) (cron.Schedule, error) {
	if strings.Contains(expression, "TZ=") {
		return nil, errors.New("schedules are in UTC: leave the time zone out")
	}
	schedule, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(expression)
	if err != nil {
		return nil, err
	}
	if schedule.Next(now.UTC()).IsZero() {
		return nil, errors.New("it is never due")
	}
	return schedule, nil
}

// keep publishes a job's ticks until ctx ends.
func (s *Scheduler) keep(ctx context.Context, j *job) {
	var last time.Time
	for {
		due := j.schedule.Next(latest(last, s.options.Clock.Now()).UTC())
		last = due
		if err := s.options.Clock.WaitUntil(ctx, due); err != nil {
			return
		}
		log := s.options.Logger.With("function", j.function, "due", due)
		if late := s.options.Clock.Now().Sub(due); late > maxLateness {
			log.Warn("a tick was missed", "late", late)
			continue
		}
		select {
		case j.turn <- struct{}{}:
		default:
			log.Warn("a tick was missed: the one before is still being published")
			continue
		}
		if err := s.publish(ctx, j, due); err != nil && ctx.Err() == nil {
			log.Error("a tick could not be published", "error", err)
		}
		<-j.turn
	}
}

// latest keeps a clock that is set back from making a tick due twice.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Run publishes a tick to a function now, whatever its schedule, once the tick
// that may be under way is out. It fails for a function without a schedule.
func (s *Scheduler) Run(ctx context.Context, function string) error {
	for _, j := range s.jobs {
		if j.function != function {
			continue
		}
		select {
		case j.turn <- struct{}{}:
			defer func() { <-j.turn }()
			return s.publish(ctx, j, s.options.Clock.Now())
		case <-ctx.Done():
			return fmt.Errorf("run %s: %w", function, ctx.Err())
		}
	}
	return fmt.Errorf("run %s: no function of that name has a schedule", function)
}

// publish sends one tick. Its trace begins here, unless a caller of Run has one.
func (s *Scheduler) publish(ctx context.Context, j *job, due time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id for a tick of %s: %w", j.function, err)
	}
	ctx = telemetry.FromAttribute(ctx, "")
	err = s.options.Publisher.Publish(ctx, j.topic, []byte("{}"), map[string]string{
		"id":                  id.String(),
		"type":                EventType,
		"time":                due.UTC().Format(time.RFC3339Nano),
		telemetry.Traceparent: telemetry.Attribute(ctx),
	})
	if err != nil {
		return fmt.Errorf("publish a tick to %s: %w", j.topic, err)
	}
	return nil
}

// Close stops all jobs, gives up on a publish that is under way, and waits until
// nothing runs any more.
func (s *Scheduler) Close() {
	s.cancel()
	s.running.Wait()
}
