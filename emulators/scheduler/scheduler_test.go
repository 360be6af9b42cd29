package scheduler

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/functions"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

func TestMain(m *testing.M) {
	// cloudsqlconn, a dependency of shared/event, starts it on import and never stops it.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// tick is a published message.
type tick struct {
	at         time.Time
	topic      string
	data       string
	attributes map[string]string
}

// topics is a Publisher that records messages. publish, if set, determines the duration
// and the error of a publish.
type topics struct {
	mu      sync.Mutex
	ticks   []tick
	publish func(ctx context.Context) error
}

func (p *topics) Publish(ctx context.Context, topic string, data []byte, attributes map[string]string) error {
	p.mu.Lock()
	p.ticks = append(p.ticks, tick{time.Now().UTC(), topic, string(data), attributes})
	p.mu.Unlock()
	if p.publish != nil {
		return p.publish(ctx)
	}
	return nil
}

func (p *topics) all() []tick {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]tick(nil), p.ticks...)
}

func list(schedule string) *manifest.Manifest {
	return &manifest.Manifest{Functions: []manifest.Function{
		{Name: "product-outbox", Service: "product", Schedule: schedule},
		{Name: "product-get", Service: "product", HTTP: "GET /v1/products/{id}"},
		{Name: "stock-reserve", Service: "product", Events: []string{"order-placed"}},
	}}
}

// mustStart starts a scheduler in a synctest bubble, where time starts at midnight of
// 2000-01-01 UTC and advances when all goroutines are blocked.
func mustStart(t *testing.T, schedule string, publisher Publisher, log *strings.Builder) *Scheduler {
	t.Helper()
	options := Options{Manifest: list(schedule), Publisher: publisher}
	if log != nil {
		options.Logger = telemetry.NewLogger(log)
	}
	s, err := Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// pass advances the time of the bubble and waits for all effects.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTicks(t *testing.T) {
	t.Parallel()
	t.Run("ticks are published when the schedule is due, in UTC", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{}
			mustStart(t, "*/15 1 * * *", got, nil)
			pass(24 * time.Hour)
			var at []string
			for _, tick := range got.all() {
				at = append(at, tick.at.Format("15:04:05"))
			}
			if want := "01:00:00 01:15:00 01:30:00 01:45:00"; strings.Join(at, " ") != want {
				t.Errorf("got %v, want %s", at, want)
			}
		})
	})
	t.Run("ticks carry the attributes of an event", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{}
			mustStart(t, "* * * * *", got, nil)
			pass(2 * time.Minute)
			ticks := got.all()
			if len(ticks) != 2 {
				t.Fatalf("got %d ticks, want 2", len(ticks))
			}
			first, second := ticks[0].attributes, ticks[1].attributes
			if ticks[0].topic != "product-outbox" || ticks[0].data != "{}" || first["type"] != "schedule-due" ||
				first["time"] != "2000-01-01T00:01:00Z" || len(first["traceparent"]) != 55 {
				t.Errorf("got %+v", ticks[0])
			}
			if id, err := uuid.Parse(first["id"]); err != nil || id.Version() != 7 {
				t.Errorf("id: %v, %v", id, err)
			}
			if first["id"] == second["id"] || first["traceparent"] == second["traceparent"] {
				t.Errorf("two ticks share an id or a trace: %v, %v", first, second)
			}
		})
	})
	t.Run("ticks missed during a long publish are not published later", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{publish: func(context.Context) error {
				time.Sleep(150 * time.Second)
				return nil
			}}
			mustStart(t, "* * * * *", got, nil)
			pass(10*time.Minute + time.Second)
			var at []string
			for _, tick := range got.all() {
				at = append(at, tick.at.Format("04:05"))
			}
			if want := "01:00 04:00 07:00 10:00"; strings.Join(at, " ") != want {
				t.Errorf("got %v, want %s", at, want)
			}
			pass(150 * time.Second)
		})
	})
	t.Run("a failed tick is logged, and the next one is published", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{publish: func(context.Context) error { return errors.New("no broker") }}
			log := &strings.Builder{}
			s := mustStart(t, "* * * * *", got, log)
			pass(2 * time.Minute)
			s.Close()
			if n := strings.Count(log.String(), "publish a tick to product-outbox: no broker"); len(got.all()) != 2 || n != 2 {
				t.Errorf("%d ticks, and %d errors in %s", len(got.all()), n, log)
			}
		})
	})
	t.Run("a publish is cancelled after its timeout", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{publish: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}
			log := &strings.Builder{}
			s := mustStart(t, "* * * * *", got, log)
			pass(time.Minute + publishTimeout)
			s.Close()
			if !strings.Contains(log.String(), context.DeadlineExceeded.Error()) {
				t.Errorf("the log lacks the timeout: %s", log)
			}
		})
	})
}

// jumpingClock is a clock that jumps past the time it waits for, like that of a laptop
// after suspension. It sends every jump to the test.
type jumpingClock struct {
	now   time.Time
	by    time.Duration
	jumps chan time.Time
}

func (c *jumpingClock) Now() time.Time { return c.now }

func (c *jumpingClock) WaitUntil(ctx context.Context, until time.Time) error {
	c.now = until.Add(c.by)
	select {
	case c.jumps <- until:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestTicksAfterSuspension(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		slept  time.Duration
		ticks  int
		second string
	}{
		"a tick is missed after an hour":       {time.Hour, 0, "13:02"},
		"a tick is published after one second": {time.Second, 1, "12:02"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &jumpingClock{now: time.Date(2026, 1, 1, 12, 0, 30, 0, time.UTC), by: test.slept, jumps: make(chan time.Time)}
			got := &topics{}
			s, err := Start(t.Context(), Options{Manifest: list("* * * * *"), Publisher: got, Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if first := <-clock.jumps; first.Format("15:04") != "12:01" {
				t.Errorf("first due at %s", first)
			}
			if second := <-clock.jumps; second.Format("15:04") != test.second {
				t.Errorf("next due at %s, want %s: missed ticks are not published later", second, test.second)
			}
			published := 0
			for _, tick := range got.all() {
				if tick.attributes["time"] == "2026-01-01T12:01:00Z" {
					published++
				}
			}
			if published != test.ticks {
				t.Errorf("the first tick was published %d times, want %d", published, test.ticks)
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("Run publishes at once, in the caller's trace", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{}
			s := mustStart(t, "0 0 1 1 *", got, nil)
			ctx := telemetry.FromTraceparent(t.Context(), "")
			if err := s.Run(ctx, "product-outbox"); err != nil {
				t.Fatal(err)
			}
			ticks := got.all()
			if len(ticks) != 1 || ticks[0].attributes["time"] != "2000-01-01T00:00:00Z" ||
				!strings.Contains(ticks[0].attributes["traceparent"], telemetry.TraceID(ctx)) {
				t.Errorf("got %+v", ticks)
			}
		})
	})
	t.Run("Run waits for a publish in progress, and a tick due meanwhile is missed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			got := &topics{publish: func(context.Context) error {
				<-release
				return nil
			}}
			s := mustStart(t, "* * * * *", got, nil)
			var runs sync.WaitGroup
			for range 2 {
				runs.Go(func() {
					if err := s.Run(t.Context(), "product-outbox"); err != nil {
						t.Error(err)
					}
				})
			}
			pass(90 * time.Second)
			if n := len(got.all()); n != 1 {
				t.Errorf("%d publishes at once, want 1", n)
			}
			close(release)
			runs.Wait()
			if n := len(got.all()); n != 2 {
				t.Errorf("%d publishes, want one per Run and none for the tick", n)
			}
		})
	})
	t.Run("Run returns the error of the publisher", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("no broker")
		s, err := Start(t.Context(), Options{
			Manifest: list("0 0 1 1 *"), Publisher: &topics{publish: func(context.Context) error { return cause }},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Run(t.Context(), "product-outbox"); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
		if err := s.Run(t.Context(), "product-get"); err == nil {
			t.Error("a function without a schedule was run")
		}
	})
}

func TestStart(t *testing.T) {
	t.Parallel()
	for name, schedule := range map[string]string{
		"six fields": "0 * * * * *", "four fields": "* * * *", "nonsense": "every minute or so now",
		"a descriptor": "@every 1m", "a time zone": "CRON_TZ=Asia/Tokyo 0 6 * * *", "a day that never comes": "0 0 30 2 *",
	} {
		t.Run("Start rejects "+name, func(t *testing.T) {
			t.Parallel()
			if s, err := Start(t.Context(), Options{Manifest: list(schedule), Publisher: &topics{}}); err == nil {
				s.Close()
				t.Errorf("schedule %q was accepted", schedule)
			} else if !strings.Contains(err.Error(), "product-outbox") {
				t.Errorf("the error does not name the function: %v", err)
			}
		})
	}
	t.Run("Start accepts the manifest of the shop", func(t *testing.T) {
		t.Parallel()
		s, err := Start(t.Context(), Options{Manifest: functions.Manifest(), Publisher: &topics{}})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
}
