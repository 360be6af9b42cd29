// Package scheduler is a local Cloud Scheduler: it publishes a tick to the topic of every
// function with a schedule when the schedule is due, in UTC.
//
// As in the cloud, a missed tick is not published later. A tick is missed if the machine
// is suspended or the previous one is still being published.
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

// EventType is the value of the attribute "type" of a tick's event.
const EventType = event.TypeTick

const (
	// publishTimeout is the timeout of one publish.
	publishTimeout = 30 * time.Second
	// maxLateness is how late a tick may be published. After that it counts as missed.
	maxLateness = 30 * time.Second
)

// Publisher publishes one message to a topic.
type Publisher interface {
	Publish(ctx context.Context, topic string, data []byte, attributes map[string]string) error
}

// Options configures a scheduler. A nil Clock is the machine's.
type Options struct {
	Manifest  *manifest.Manifest
	Publisher Publisher
	Clock     Clock
	// Tracer records sampled ticks; nil records none.
	Tracer *telemetry.Tracer
	// Logger receives missed ticks and publish errors. Nil discards them.
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
	// publishing is a semaphore that prevents two publishes of the job at once.
	publishing chan struct{}
}

// Start starts a scheduler for the functions of the manifest that have a schedule. The
// error names every invalid schedule. The scheduler stops with ctx or Close.
func Start(ctx context.Context, options Options) (*Scheduler, error) {
	options.Clock = cmp.Or[Clock](options.Clock, systemClock{})
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Scheduler{options: options}
	var errs []error
	for _, function := range options.Manifest.Functions {
		if function.Schedule == "" {
			continue
		}
		schedule, err := parse(function.Schedule, options.Clock.Now())
		if err != nil {
			errs = append(errs, fmt.Errorf("schedule %q of %s: %w", function.Schedule, function.Name, err))
			continue
		}
		s.jobs = append(s.jobs, &job{
			function: function.Name, topic: function.Topics()[0], schedule: schedule, publishing: make(chan struct{}, 1),
		})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	for _, j := range s.jobs {
		s.running.Go(func() { s.runJob(ctx, j) })
	}
	return s, nil
}

// parse parses a cron expression of five fields. It rejects time zones, since schedules
// are in UTC, and expressions that are never due.
func parse(expression string, now time.Time) (cron.Schedule, error) {
	if strings.Contains(expression, "TZ=") {
		return nil, errors.New("schedules are in UTC: remove the time zone")
	}
	schedule, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(expression)
	if err != nil {
		return nil, err
	}
	if schedule.Next(now.UTC()).IsZero() {
		return nil, errors.New("the schedule is never due")
	}
	return schedule, nil
}

// runJob publishes a job's ticks until ctx is done.
func (s *Scheduler) runJob(ctx context.Context, j *job) {
	var last time.Time
	for {
		due := j.schedule.Next(latest(last, s.options.Clock.Now()).UTC())
		last = due
		if err := s.options.Clock.WaitUntil(ctx, due); err != nil {
			return
		}
		log := s.options.Logger.With("function", j.function, "due", due)
		if late := s.options.Clock.Now().Sub(due); late > maxLateness {
			log.Warn("missed a tick", "late", late)
			continue
		}
		select {
		case j.publishing <- struct{}{}:
		default:
			log.Warn("missed a tick: the previous one is still being published")
			continue
		}
		if err := s.publish(ctx, j, due); err != nil && ctx.Err() == nil {
			log.Error("publish a tick", "error", err)
		}
		<-j.publishing
	}
}

// latest returns the later time. It prevents a tick from being due twice after the clock
// is set back.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Run publishes a tick to a function now, regardless of its schedule. It waits for a
// publish in progress. It fails for a function without a schedule.
func (s *Scheduler) Run(ctx context.Context, function string) error {
	for _, j := range s.jobs {
		if j.function != function {
			continue
		}
		select {
		case j.publishing <- struct{}{}:
			defer func() { <-j.publishing }()
			return s.publish(ctx, j, s.options.Clock.Now())
		case <-ctx.Done():
			return fmt.Errorf("run %s: %w", function, ctx.Err())
		}
	}
	return fmt.Errorf("run %s: no function of that name has a schedule", function)
}

// publish publishes one tick. It starts a new trace, unless ctx has one.
func (s *Scheduler) publish(ctx context.Context, j *job, due time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("create an id for a tick of %s: %w", j.function, err)
	}
	ctx, request := s.options.Tracer.Request(ctx, nil)
	defer request.End(ctx)
	request.Span().SetName("tick " + j.function)
	err = s.options.Publisher.Publish(ctx, j.topic, []byte("{}"), map[string]string{
		"id":                     id.String(),
		"type":                   EventType,
		"time":                   due.UTC().Format(time.RFC3339Nano),
		telemetry.TraceparentKey: telemetry.Traceparent(ctx),
	})
	if err != nil {
		return fmt.Errorf("publish a tick to %s: %w", j.topic, err)
	}
	return nil
}

// Close stops all jobs, cancels a publish in progress, and waits for the jobs to end.
func (s *Scheduler) Close() {
	s.cancel()
	s.running.Wait()
}
