package cloudrun

import (
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestKilledAgainAndAgainUnderLoad kills the instance during requests: all reads succeed,
// writes succeed or get a 503, and the function always recovers.
func TestKilledAgainAndAgainUnderLoad(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	var reads, writes atomic.Int64
	var enough atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !enough.Load() {
				if a, err := p.do(http.MethodGet, "/pid", ""); err != nil || a.status != http.StatusOK {
					t.Errorf("read = %+v, %v", a, err)
					return
				}
				reads.Add(1)
			}
		})
		clients.Go(func() {
			for !enough.Load() {
				a, err := p.do(http.MethodPost, "/echo", "body")
				if err != nil || a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
					t.Errorf("write = %+v, %v", a, err)
					return
				}
				if a.status == http.StatusOK {
					writes.Add(1)
				}
			}
		})
	}
	for range 5 {
		pid := p.mustPID(t)
		read, written := reads.Load(), writes.Load()
		mustKill(t, pid, syscall.SIGKILL)
		waitUntil(t, "reads and writes go on", func() bool {
			return reads.Load() > read+50 && writes.Load() > written+50 || t.Failed()
		})
	}
	enough.Store(true)
	clients.Wait()
}

// TestKilledWithWaitingRequests kills an instance at its concurrency limit: the requests inside
// get a 503, and those that wait are served by the next instance.
func TestKilledWithWaitingRequests(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "", func(o *Options) { scaled(o, 8, 0, 1) })
	inside := mustHold(t, p, 8)
	var failed atomic.Int64
	var clients sync.WaitGroup
	for range 40 {
		clients.Go(func() {
			if a, err := p.do(http.MethodPost, "/echo", "body"); err != nil || a.status != http.StatusOK {
				failed.Add(1)
			}
		})
	}
	waitUntil(t, "the other requests wait", func() bool { return p.status().Queued == 40 })
	mustKill(t, p.status().Instances[0].PID, syscall.SIGKILL)
	for _, h := range inside {
		_ = h.body.Close() // the proxy reads the whole body before it responds
		if a := <-h.got; a.status != http.StatusServiceUnavailable {
			t.Errorf("a request inside got %+v, want 503", a)
		}
	}
	clients.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of 40 waiting requests failed", n)
	}
}
