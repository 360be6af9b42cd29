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
	goleak.VerifyTestMain(m,
		// Runs from the import on; the Cloud SQL connector's metrics pull it in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// tick is a message that was published.
type tick struct {
	at         time.Time
	topic      string
	data       string
	attributes map[string]string
}

// topics is a Publisher that keeps what it is given. publish, if set, decides how
// long a publish takes and what comes of it.
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

// MustStart starts a scheduler in a synctest bubble, where time is the test's: it
// begins at midnight of 2000-01-01 UTC and passes when everybody waits.
func MustStart(t *testing.T, schedule string, publisher Publisher, log *strings.Builder) *Scheduler {
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

// pass lets time pass in the bubble, and everything happen that is due in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTicks(t *testing.T) {
	t.Parallel()
	t.Run("are published when the schedule says, in UTC", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{}
			MustStart(t, "*/15 1 * * *", got, nil)
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
	t.Run("say what they are", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{}
			MustStart(t, "* * * * *", got, nil)
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
				t.Errorf("two ticks are one: %v, %v", first, second)
			}
		})
	})
	t.Run("that were missed during a long publish are not made up for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{publish: func(context.Context) error {
				time.Sleep(150 * time.Second)
				return nil
			}}
			MustStart(t, "* * * * *", got, nil)
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
	t.Run("that fail are logged, and the next comes all the same", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{publish: func(context.Context) error { return errors.New("no broker") }}
			log := &strings.Builder{}
			s := MustStart(t, "* * * * *", got, log)
			pass(2 * time.Minute)
			s.Close()
			if n := strings.Count(log.String(), "publish a tick to product-outbox: no broker"); len(got.all()) != 2 || n != 2 {
				t.Errorf("%d ticks, and %d errors in %s", len(got.all()), n, log)
			}
		})
	})
	t.Run("are given up on when the topic takes none", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{publish: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}
			log := &strings.Builder{}
			s := MustStart(t, "* * * * *", got, log)
			pass(time.Minute + publishTimeout)
			s.Close()
			if !strings.Contains(log.String(), context.DeadlineExceeded.Error()) {
				t.Errorf("our log does not say so: %s", log)
			}
		})
	})
}

// sleeper is a clock that jumps past whatever it waits for, like the clock of a
// laptop that wakes up. Every jump is told to the test.
type sleeper struct {
	now   time.Time
	by    time.Duration
	jumps chan time.Time
}

func (c *sleeper) Now() time.Time { return c.now }

func (c *sleeper) WaitUntil(ctx context.Context, until time.Time) error {
	c.now = until.Add(c.by)
	select {
	case c.jumps <- until:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestTickOfAMachineThatSlept(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		slept  time.Duration
		ticks  int
		second string
	}{
		"is missed after long":        {time.Hour, 0, "13:02"},
		"is published after a moment": {time.Second, 1, "12:02"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &sleeper{now: time.Date(2026, 1, 1, 12, 0, 30, 0, time.UTC), by: test.slept, jumps: make(chan time.Time)}
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
				t.Errorf("next due at %s, want %s: what was missed is not made up for", second, test.second)
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
	t.Run("publishes now, in the caller's trace", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			got := &topics{}
			s := MustStart(t, "0 0 1 1 *", got, nil)
			ctx := telemetry.FromAttribute(t.Context(), "")
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
	t.Run("waits for the publish under way, and a tick meanwhile is missed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			got := &topics{publish: func(context.Context) error {
				<-release
				return nil
			}}
			s := MustStart(t, "* * * * *", got, nil)
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
				t.Errorf("%d publishes, want one a Run and none for the tick", n)
			}
		})
	})
	t.Run("tells what went wrong", func(t *testing.T) {
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
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if s, err := Start(t.Context(), Options{Manifest: list(schedule), Publisher: &topics{}}); err == nil {
				s.Close()
				t.Errorf("%q was taken", schedule)
			} else if !strings.Contains(err.Error(), "product-outbox") {
				t.Errorf("the error does not name the function: %v", err)
			}
		})
	}
	t.Run("takes the shop's own list", func(t *testing.T) {
		t.Parallel()
		s, err := Start(t.Context(), Options{Manifest: functions.Manifest(), Publisher: &topics{}})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
}
