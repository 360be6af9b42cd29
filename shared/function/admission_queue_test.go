package function

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// In these tests time advances only while all goroutines wait, so all durations are exact.

// queueTest is a queue with requests that are recorded by name.
type queueTest struct {
	*admissionQueue
	begin    time.Time
	stopping chan struct{}
	served   []string
	refused  map[string]time.Duration // the time of each refusal since begin
	admitted map[string]time.Duration
}

func newQueueTest(limit int) *queueTest { return newQueueTestOf(limit, math.MaxInt) }

// newQueueTestOf returns a queue in which at most so many requests work or wait.
func newQueueTestOf(limit, most int) *queueTest {
	stopping := make(chan struct{})
	return &queueTest{
		admissionQueue: newAdmissionQueue(limit, most, maxQueueWait, stopping), begin: time.Now(), stopping: stopping,
		refused: map[string]time.Duration{}, admitted: map[string]time.Duration{},
	}
}

// send begins a request that is worked on for a time, and waits until it is in the queue.
func (q *queueTest) send(ctx context.Context, name string, takes time.Duration) {
	go func() {
		p, err := q.enter(ctx)
		q.mu.Lock()
		defer q.mu.Unlock()
		if err != nil {
			q.refused[name] = time.Since(q.begin)
			return
		}
		q.admitted[name] = time.Since(q.begin)
		q.mu.Unlock()
		time.Sleep(takes)
		p.leave()
		q.mu.Lock()
		q.served = append(q.served, name)
	}()
	synctest.Wait()
}

// learn makes the queue learn a service time.
func (q *queueTest) learn(t *testing.T, service time.Duration) {
	t.Helper()
	p, err := q.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(service)
	p.leave()
	q.begin = time.Now()
}

func requireTimes(t *testing.T, what string, want, got map[string]time.Duration) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("times at which requests were %s (-want +got):\n%s", what, diff)
	}
}

func TestAdmissionQueue(t *testing.T) {
	t.Parallel()
	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test)
		})
	}

	run("requests up to the limit are admitted at once, others in the order of their arrival", func(t *testing.T) {
		q := newQueueTest(2)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			q.send(t.Context(), name, time.Second)
		}
		time.Sleep(time.Minute)
		requireTimes(t, "admitted", map[string]time.Duration{
			"a": 0, "b": 0, "c": time.Second, "d": time.Second, "e": 2 * time.Second,
		}, q.admitted)
		requireTimes(t, "refused", map[string]time.Duration{}, q.refused)
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.working != 0 || q.begins != 0 {
			t.Errorf("%d requests of begin %s are still counted", q.working, q.begins)
		}
	})

	run("a request that would wait longer than the maximum is refused at once", func(t *testing.T) {
		q := newQueueTest(1)
		q.learn(t, 3*time.Second)
		for _, name := range []string{"working", "waits 3 s", "waits 6 s", "would wait 9 s"} {
			q.send(t.Context(), name, 3*time.Second)
		}
		time.Sleep(time.Minute)
		requireTimes(t, "admitted", map[string]time.Duration{"working": 0, "waits 3 s": 3 * time.Second, "waits 6 s": 6 * time.Second}, q.admitted)
		requireTimes(t, "refused", map[string]time.Duration{"would wait 9 s": 0}, q.refused)
	})

	run("a request whose estimate was too short is refused after the maximum", func(t *testing.T) {
		q := newQueueTest(1)
		q.learn(t, time.Millisecond)
		q.send(t.Context(), "hangs", time.Minute)
		q.send(t.Context(), "waits", time.Second)
		time.Sleep(time.Hour)
		requireTimes(t, "refused", map[string]time.Duration{"waits": maxQueueWait}, q.refused)
	})

	run("the estimate grows while no request ends", func(t *testing.T) {
		q := newQueueTest(2)
		q.learn(t, time.Millisecond)
		q.send(t.Context(), "hangs", time.Minute)
		q.send(t.Context(), "hangs too", time.Minute)
		time.Sleep(5 * time.Second)
		for _, name := range []string{"waits 2.5 s", "waits 5 s", "waits 7.5 s", "would wait 10 s"} {
			q.send(t.Context(), name, time.Second)
		}
		time.Sleep(time.Hour)
		late := 5*time.Second + maxQueueWait
		requireTimes(t, "refused", map[string]time.Duration{
			"would wait 10 s": 5 * time.Second, "waits 2.5 s": late, "waits 5 s": late, "waits 7.5 s": late,
		}, q.refused)
	})

	run("a waiting client that disconnects frees its place", func(t *testing.T) {
		q := newQueueTest(1)
		q.learn(t, 3*time.Second)
		q.send(t.Context(), "working", 3*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		q.send(ctx, "leaves", 3*time.Second)
		q.send(ctx, "leaves too", 3*time.Second)
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		q.send(t.Context(), "comes later", 3*time.Second)
		time.Sleep(time.Minute)
		requireTimes(t, "refused", map[string]time.Duration{"leaves": time.Second, "leaves too": time.Second}, q.refused)
		requireTimes(t, "admitted", map[string]time.Duration{"working": 0, "comes later": 3 * time.Second}, q.admitted)
	})

	run("a client that disconnects when it is admitted passes its place on", func(t *testing.T) {
		q := newQueueTest(1)
		ctx, cancel := context.WithCancel(t.Context())
		p, err := q.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		q.send(ctx, "leaves", time.Second)
		q.send(t.Context(), "next", time.Second)
		p.leave()
		cancel() // before the goroutine of the request runs, or after it has been admitted
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Contains(q.served, "next") || q.working != 0 {
			t.Errorf("served %q, and %d requests are counted", q.served, q.working)
		}
	})

	run("a request that leaves twice is counted once", func(t *testing.T) {
		q := newQueueTest(1)
		p, err := q.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.leave()
		p.leave()
		if q.working != 0 {
			t.Errorf("%d requests are counted", q.working)
		}
	})

	run("a request beyond the maximum number is refused at once, until another one leaves", func(t *testing.T) {
		q := newQueueTestOf(1, 2)
		for _, name := range []string{"working", "waits", "is refused"} {
			q.send(t.Context(), name, time.Second)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		q.send(t.Context(), "waits later", time.Second)
		time.Sleep(time.Minute)
		requireTimes(t, "refused", map[string]time.Duration{"is refused": 0}, q.refused)
		requireTimes(t, "admitted", map[string]time.Duration{"working": 0, "waits": time.Second, "waits later": 2 * time.Second}, q.admitted)
	})

	run("with a maximum of zero every request is refused at once", func(t *testing.T) {
		_, err := newQueueTestOf(4, 0).enter(t.Context())
		if _, refused := errors.AsType[*overloaded](err); !refused {
			t.Errorf("got %v", err)
		}
	})
}

func TestAdmissionAtShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(1)
		q.learn(t, 2*time.Second)
		for _, name := range []string{"working", "waits 2 s", "waits 4 s"} {
			q.send(t.Context(), name, 2*time.Second)
		}
		close(q.stopping)
		synctest.Wait()
		q.send(t.Context(), "late", 2*time.Second)
		time.Sleep(time.Minute)
		requireTimes(t, "admitted", map[string]time.Duration{"working": 0, "waits 2 s": 2 * time.Second}, q.admitted)
		// Both get a response before the process ends.
		requireTimes(t, "refused", map[string]time.Duration{"late": 0, "waits 4 s": drainWait}, q.refused)
	})
}

// TestOverload sends ten times the requests that can be served.
func TestOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const (
			limit    = 4
			service  = 50 * time.Millisecond // so 80 requests a second
			interval = time.Second / 800
			duration = time.Minute
		)
		q := newQueueTest(limit)
		var served, refusedAtOnce, refusedLate int // requests
		var longest time.Duration
		count := func() {
			arrival := time.Now()
			p, err := q.enter(t.Context())
			waited := time.Since(arrival)
			if err == nil {
				time.Sleep(service)
				p.leave()
			}
			q.mu.Lock()
			defer q.mu.Unlock()
			switch {
			case err == nil:
				served++
				longest = max(longest, waited)
			case waited == 0:
				refusedAtOnce++
			default:
				refusedLate++
			}
		}
		for time.Since(q.begin) < duration {
			go count()
			time.Sleep(interval)
		}
		synctest.Wait()
		q.mu.Lock()
		during := served
		q.mu.Unlock()
		if capacity := int(duration/service) * limit; during < capacity*99/100 {
			t.Errorf("served %d requests of %d that can be served", during, capacity)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		total := int(duration / interval)
		// Until the first request has ended, the service time is unknown.
		if longest > maxQueueWait || refusedLate > total/1000 {
			t.Errorf("the longest wait is %s, and %d requests were refused after a wait", longest, refusedLate)
		}
		if got := served + refusedAtOnce + refusedLate; got != total {
			t.Errorf("%d requests have a response, want %d", got, total)
		}
		begin := time.Now()
		p, err := q.enter(t.Context())
		if err != nil || time.Since(begin) > 0 {
			t.Fatalf("after the overload a request is admitted after %s: %v", time.Since(begin), err)
		}
		p.leave()
	})
}
