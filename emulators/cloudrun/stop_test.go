package cloudrun

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestIdleInstances(t *testing.T) {
	t.Parallel()
	t.Run("are stopped, and started again when needed", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", func(o *Options) { o.IdleTimeout = time.Millisecond })
		first := p.MustPID(t)
		MustBecome(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
		if second := p.MustPID(t); second == first {
			t.Errorf("a stopped process answered: %d", first)
		}
		if said := p.said.String(); strings.Contains(said, "WARN") {
			t.Errorf("scaling in is nothing to warn of: %s", said)
		}
	})
	t.Run("lose no request when they are stopped just as it comes", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", func(o *Options) { o.IdleTimeout = 50 * time.Microsecond })
		s := p.byName["hello"]
		instances := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.started
		}
		var clients sync.WaitGroup
		for range 2 {
			clients.Go(func() {
				for n := 0; n < 200 || instances() < 5; n++ {
					if a, err := p.do(http.MethodPost, "/echo", "body"); err != nil || a.status != http.StatusOK || a.body != "body" {
						t.Errorf("request %d: %+v, %v", n, a, err)
						return
					}
				}
			})
		}
		clients.Wait()
	})
}

// TestStopUnderLoadLosesNoRequest has every client on one connection that the
// platform knows: what waits in a listener's backlog when it closes is nobody's.
func TestStopUnderLoadLosesNoRequest(t *testing.T) {
	t.Parallel()
	p := MustStart(t, "")
	var connected, clients sync.WaitGroup
	for range 8 {
		connected.Add(1)
		clients.Go(func() {
			transport := &http.Transport{MaxConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &platform{Platform: p.Platform, client: &http.Client{Transport: transport}}
			for n := 0; ; n++ {
				a, err := client.do(http.MethodGet, "/pid", "")
				if n == 0 {
					connected.Done()
				}
				if errors.Is(err, syscall.ECONNREFUSED) {
					return // The URL is closed: nobody took the request.
				}
				if err != nil || a.status != http.StatusOK {
					t.Errorf("a request that was taken got %+v, %v", a, err)
					return
				}
			}
		})
	}
	connected.Wait()
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	clients.Wait()
	if pids := p.pids(); len(pids) != 0 {
		t.Errorf("still running: %v", pids)
	}
}

func TestSIGTERMFromOutsideUnderLoadLosesNoRead(t *testing.T) {
	t.Parallel()
	p := MustStart(t, "")
	first := p.MustPID(t)
	var replaced atomic.Bool
	var clients sync.WaitGroup
	var answered atomic.Int64
	for range 8 {
		clients.Go(func() {
			for !replaced.Load() {
				a, err := p.do(http.MethodGet, "/pid", "")
				if err != nil || a.status != http.StatusOK {
					t.Errorf("got %+v, %v", a, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	MustBecome(t, "requests are answered", func() bool { return answered.Load() > 100 })
	MustKill(t, first, syscall.SIGTERM)
	MustBecome(t, "another instance has taken over", func() bool {
		pids := p.pids()
		return len(pids) == 1 && pids[0] != first
	})
	replaced.Store(true)
	clients.Wait()
}

// MustBeInside sends a request that its instance answers late, and returns once it
// is there.
func MustBeInside(t *testing.T, p *platform, path string, body io.Reader) <-chan answer {
	t.Helper()
	got := make(chan answer, 1)
	go func() {
		a, err := p.send(http.MethodPost, path, body)
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	MustBecome(t, "the request is inside the instance", func() bool { return strings.Contains(p.printed.String(), waitsInside) })
	return got
}

// retireAll takes the instances out of routing, as when they are idle, while the
// URL stays open.
func (p *platform) retireAll() {
	s := p.byName["hello"]
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inst := range s.instances {
		inst.expected = true
		s.retireLocked(inst)
	}
}

func TestRetiredInstance(t *testing.T) {
	t.Parallel()
	t.Run("gets SIGTERM when its last request is done", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "die of SIGTERM")
		body, client := io.Pipe()
		go func() { _, _ = client.Write([]byte("the begin of a body")) }()
		got := MustBeInside(t, p, "/until-end-of-body", body)
		first := p.pids()[0]
		p.retireAll()
		if second := p.MustPID(t); second == first {
			t.Errorf("%d is out of routing and answers", first)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if a := <-got; a.status != http.StatusOK || a.body != "finished" {
			t.Errorf("got %+v", a)
		}
		MustBecome(t, "it is gone", func() bool { return !slices.Contains(p.pids(), first) })
	})
	t.Run("may finish a request that outlasts the draining", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", func(o *Options) { o.DrainTimeout = 20 * time.Millisecond })
		got := MustBeInside(t, p, "/until-sigterm", nil)
		p.retireAll()
		if a := <-got; a.status != http.StatusOK || a.body != "finished" {
			t.Errorf("got %+v", a)
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("kills an instance that ignores SIGTERM, after the grace", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "ignore SIGTERM", func(o *Options) { o.StopGrace = 20 * time.Millisecond })
		pid := p.MustPID(t)
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%d is still there: %v", pid, err)
		}
		if said := p.said.String(); !strings.Contains(said, "ignores SIGTERM") {
			t.Errorf("our log does not say so: %s", said)
		}
	})
	t.Run("kills at once when its time is up, and tells of cut requests", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "ignore SIGTERM", func(o *Options) { o.StopGrace, o.DrainTimeout = time.Hour, time.Hour })
		got := MustBeInside(t, p, "/until-sigterm", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("want an error of cut requests, got %v", err)
		}
		if a := <-got; a.status == http.StatusOK {
			t.Errorf("a killed instance answered: %+v", a)
		}
	})
	t.Run("does not wait for an instance that only starts", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "deaf", func(o *Options) { o.StartTimeout, o.DrainTimeout = time.Hour, 20*time.Millisecond })
		got := make(chan answer, 1)
		go func() {
			a, err := p.do(http.MethodGet, "/pid", "")
			if err != nil {
				a.body = err.Error()
			}
			got <- a
		}()
		MustBecome(t, "an instance starts", func() bool { return len(p.pids()) == 1 })
		if err := p.Stop(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("want an error of the request that was cut off, got %v", err)
		}
		if a := <-got; a.status == http.StatusOK {
			t.Errorf("nobody can have answered: %+v", a)
		}
	})
	t.Run("can be called twice", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "")
		for range 2 {
			if err := p.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}
