package pool_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/pool"
)

func newPool(change ...func(*pool.Options)) *pool.Pool[string] {
	options := pool.Options{Concurrency: 2, Queue: 3, Wait: func() time.Duration { return 10 * time.Second }}
	for _, c := range change {
		c(&options)
	}
	return pool.New[string](options)
}

func mustAcquire(t *testing.T, p *pool.Pool[string]) *pool.Backend[string] {
	t.Helper()
	b, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func acquired(t *testing.T, p *pool.Pool[string], n int) (values []string) {
	t.Helper()
	for range n {
		values = append(values, mustAcquire(t, p).Value)
	}
	return values
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	t.Run("least requests selects the backend with the fewest requests, and the oldest of several", func(t *testing.T) {
		t.Parallel()
		p := newPool()
		p.Add("a")
		p.Add("b")
		if diff := cmp.Diff([]string{"a", "b", "a", "b"}, acquired(t, p, 4)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("least requests leaves a slow backend out", func(t *testing.T) {
		t.Parallel()
		p := newPool(func(o *pool.Options) { o.Concurrency = 10 })
		slow := p.Add("slow")
		p.Add("fast")
		mustAcquire(t, p)
		for range 5 {
			b := mustAcquire(t, p)
			b.Release()
			if b == slow {
				t.Error("the slow backend got another request")
			}
		}
	})
	t.Run("round robin selects backends in turn, whatever their requests", func(t *testing.T) {
		t.Parallel()
		p := newPool(func(o *pool.Options) { o.Concurrency, o.Policy = 10, pool.RoundRobin })
		p.Add("a")
		p.Add("b")
		p.Add("c")
		counts := map[string]int{}
		for _, value := range acquired(t, p, 9) {
			counts[value]++
		}
		if diff := cmp.Diff(map[string]int{"a": 3, "b": 3, "c": 3}, counts); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("least requests in turn uses all backends without requests", func(t *testing.T) {
		t.Parallel()
		p := newPool(func(o *pool.Options) { o.Policy = pool.LeastRequestsInTurn })
		busy := p.Add("busy")
		p.Add("a")
		p.Add("b")
		for b := mustAcquire(t, p); b != busy; b = mustAcquire(t, p) {
			b.Release()
		}
		var values []string
		for range 4 {
			b := mustAcquire(t, p)
			values = append(values, b.Value)
			b.Release()
		}
		if diff := cmp.Diff([]string{"a", "b", "a", "b"}, values); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("preferred backends get requests until they are full", func(t *testing.T) {
		t.Parallel()
		p := newPool()
		p.Add("a")
		p.Add("b")
		p.Add("c")
		p.Prefer(1)
		if diff := cmp.Diff([]string{"a", "a", "b", "c"}, acquired(t, p, 4)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an unusable backend is left out", func(t *testing.T) {
		t.Parallel()
		p := newPool()
		p.Add("a")
		p.Add("b")
		if b := p.Try(func(value string) bool { return value != "a" }); b == nil || b.Value != "b" {
			t.Errorf("got %v, want b", b)
		}
		if b := p.Try(func(string) bool { return false }); b != nil {
			t.Errorf("got %v of no usable backend", b.Value)
		}
	})
}

// waiting starts a request that waits, and returns its result.
func waiting(ctx context.Context, p *pool.Pool[string]) <-chan error {
	result := make(chan error, 1)
	go func() {
		_, err := p.Acquire(ctx)
		result <- err
	}()
	synctest.Wait()
	return result
}

func TestQueue(t *testing.T) {
	t.Parallel()
	t.Run("requests wait for a backend, in the order of their arrival", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPool(func(o *pool.Options) { o.Concurrency = 1 })
			first, second := waiting(t.Context(), p), waiting(t.Context(), p)
			b := p.Add("a")
			synctest.Wait()
			if len(first) != 1 || len(second) != 0 || p.Waiting() != 1 {
				t.Fatalf("%d, %d with a backend, %d waiting; want the first only", len(first), len(second), p.Waiting())
			}
			b.Release()
			if err := errors.Join(<-first, <-second); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a request waits for the backends that it may use, and delays no other", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPool(func(o *pool.Options) { o.Concurrency = 1 })
			only := make(chan string, 1)
			go func() {
				b, err := p.AcquireUsable(t.Context(), func(value string) bool { return value == "b" })
				if err != nil {
					t.Error(err)
				}
				only <- b.Value
			}()
			synctest.Wait()
			other := waiting(t.Context(), p)
			p.Add("a")
			synctest.Wait()
			if len(only) != 0 || len(other) != 1 {
				t.Fatalf("%d and %d with a backend, want the second only", len(only), len(other))
			}
			p.Add("b")
			if got := <-only; got != "b" {
				t.Errorf("got %s, want b", got)
			}
		})
	})
	t.Run("a request beyond the queue's length fails at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPool()
			var results []<-chan error
			for range 3 {
				results = append(results, waiting(t.Context(), p))
			}
			if _, err := p.Acquire(t.Context()); !errors.Is(err, pool.ErrFull) {
				t.Errorf("error = %v, want ErrFull", err)
			}
			p.Fail(errBroken)
			for _, result := range results {
				if err := <-result; !errors.Is(err, errBroken) {
					t.Errorf("error = %v, want that of Fail", err)
				}
			}
		})
	})
	t.Run("a request waits for the time that Wait returns", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p, begin := newPool(), time.Now()
			if _, err := p.Acquire(t.Context()); !errors.Is(err, pool.ErrTimeout) || time.Since(begin) != 10*time.Second {
				t.Errorf("error = %v after %s, want ErrTimeout after 10 s", err, time.Since(begin))
			}
			if n := p.Waiting(); n != 0 {
				t.Errorf("%d are waiting, want none", n)
			}
		})
	})
	t.Run("a request whose context is done leaves the queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPool()
			ctx, cancel := context.WithCancel(t.Context())
			result := waiting(ctx, p)
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v, want context.Canceled", err)
			}
			if load := p.Add("a").Load(); load.InFlight != 0 {
				t.Errorf("the backend has %d requests, want none", load.InFlight)
			}
		})
	})
	t.Run("Waiting is called for each request that waits", func(t *testing.T) {
		t.Parallel()
		var p *pool.Pool[string]
		p = newPool(func(o *pool.Options) { o.Waiting = func() { p.Add("a") } })
		if got := acquired(t, p, 1); got[0] != "a" {
			t.Errorf("got %v", got)
		}
	})
}

var errBroken = errors.New("broken")

func TestRemove(t *testing.T) {
	t.Parallel()
	p := newPool()
	a := p.Add("a")
	request := mustAcquire(t, p)
	if a.RemoveIdle(0) {
		t.Error("a backend with a request was removed as idle")
	}
	a.Remove()
	a.Remove()
	if b := p.Try(nil); b != nil {
		t.Errorf("got the removed backend %s", b.Value)
	}
	select {
	case <-a.Drained():
		t.Error("it is drained during a request")
	default:
	}
	request.Release()
	<-a.Drained()
	b := p.Add("b")
	if b.RemoveIdle(time.Hour) {
		t.Error("it was removed after less than an hour")
	}
	if !b.RemoveIdle(0) {
		t.Error("an idle backend was not removed")
	}
	<-b.Drained()
}

func TestMean(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(func(o *pool.Options) { o.Concurrency = 1 })
		p.Add("a")
		request := mustAcquire(t, p)
		result := waiting(t.Context(), p)
		time.Sleep(3 * time.Second) // two requests, one of which waits
		request.Release()
		time.Sleep(time.Second) // one
		if mean := p.Mean(); math.Abs(mean-1.75) > 1e-9 {
			t.Errorf("mean = %v, want (2·3+1·1)/4", mean)
		}
		time.Sleep(time.Second)
		if mean := p.Mean(); math.Abs(mean-1) > 1e-9 {
			t.Errorf("mean since the last call = %v, want 1", mean)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// TestRace has many requests while backends come and go: no backend exceeds its concurrency,
// and no request is lost.
func TestRace(t *testing.T) {
	t.Parallel()
	p := newPool(func(o *pool.Options) { o.Queue = 1000 })
	p.Add("first")
	var served atomic.Int64
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			for range 100 {
				b, err := p.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if n := b.Load().InFlight; n > 2 {
					t.Errorf("%d requests in a backend, want 2 at most", n)
				}
				served.Add(1)
				b.Release()
			}
		})
	}
	for range 100 {
		p.Add("other").Remove()
	}
	clients.Wait()
	if served.Load() != 5000 || p.Waiting() != 0 {
		t.Errorf("%d served and %d waiting, want 5000 and none", served.Load(), p.Waiting())
	}
}

func BenchmarkAcquire(b *testing.B) {
	p := newPool(func(o *pool.Options) { o.Concurrency = 40 })
	p.Add("a")
	p.Add("b")
	b.ReportAllocs()
	for b.Loop() {
		backend, err := p.Acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		backend.Release()
	}
}
