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
	t.Run("idle instances are stopped, and started again when needed", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) { o.Windows = quickWindows(time.Millisecond) })
		first := p.mustPID(t)
		waitUntil(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
		if second := p.mustPID(t); second == first {
			t.Errorf("response of the stopped process %d", first)
		}
		if log := p.log.String(); strings.Contains(log, "WARN") {
			t.Errorf("warning about a regular stop: %s", log)
		}
	})
	t.Run("no request is lost if it arrives while its instance is being stopped", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) { o.Windows = quickWindows(time.Millisecond) })
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

// TestStopUnderLoadLosesNoRequest uses one accepted connection per client: connections in
// the backlog of a listener are lost when it is closed.
func TestStopUnderLoadLosesNoRequest(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
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
					return // the URL is closed: the request was not accepted
				}
				if err != nil || a.status != http.StatusOK {
					t.Errorf("response to an accepted request = %+v, %v", a, err)
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
	p := mustStart(t, "")
	first := p.mustPID(t)
	var replaced atomic.Bool
	var clients sync.WaitGroup
	var responses atomic.Int64
	for range 8 {
		clients.Go(func() {
			for !replaced.Load() {
				a, err := p.do(http.MethodGet, "/pid", "")
				if err != nil || a.status != http.StatusOK {
					t.Errorf("got %+v, %v", a, err)
					return
				}
				responses.Add(1)
			}
		})
	}
	waitUntil(t, "requests get responses", func() bool { return responses.Load() > 100 })
	mustKill(t, first, syscall.SIGTERM)
	waitUntil(t, "another instance has taken over", func() bool {
		pids := p.pids()
		return len(pids) == 1 && pids[0] != first
	})
	replaced.Store(true)
	clients.Wait()
}

// mustStartRequest sends a request with a late response, and returns when it has reached its
// instance.
func mustStartRequest(t *testing.T, p *platform, path string, body io.Reader) <-chan result {
	t.Helper()
	got := make(chan result, 1)
	go func() {
		a, err := p.send(http.MethodPost, path, body)
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	waitUntil(t, "the request is inside the instance", func() bool { return strings.Contains(p.printed.String(), insideRequest) })
	return got
}

// retireAll removes the instances from routing, as if they were idle, while the URL stays
// open.
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
	t.Run("a retired instance gets SIGTERM when its last request is done", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "die of SIGTERM")
		body, client := io.Pipe()
		go func() { _, _ = client.Write([]byte("the beginning of a body")) }()
		got := mustStartRequest(t, p, "/until-end-of-body", body)
		first := p.pids()[0]
		p.retireAll()
		if second := p.mustPID(t); second == first {
			t.Errorf("response of the retired process %d", first)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if a := <-got; a.status != http.StatusOK || a.body != "finished" {
			t.Errorf("got %+v", a)
		}
		waitUntil(t, "the retired process has ended", func() bool { return !slices.Contains(p.pids(), first) })
	})
	t.Run("a request may outlast the drain timeout until SIGKILL", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) { o.DrainTimeout = 20 * time.Millisecond })
		got := mustStartRequest(t, p, "/until-sigterm", nil)
		p.retireAll()
		if a := <-got; a.status != http.StatusOK || a.body != "finished" {
			t.Errorf("got %+v", a)
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("Stop kills an instance that ignores SIGTERM after the grace period", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "ignore SIGTERM", func(o *Options) { o.StopGrace = 20 * time.Millisecond })
		pid := p.mustPID(t)
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d still exists: %v", pid, err)
		}
		if log := p.log.String(); !strings.Contains(log, "ignores SIGTERM") {
			t.Errorf("the log lacks the warning: %s", log)
		}
	})
	t.Run("Stop kills at once when its context ends, and reports aborted requests", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "ignore SIGTERM", func(o *Options) { o.StopGrace, o.DrainTimeout = time.Hour, time.Hour })
		got := mustStartRequest(t, p, "/until-sigterm", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want context.DeadlineExceeded", err)
		}
		if a := <-got; a.status == http.StatusOK {
			t.Errorf("response of a killed instance: %+v", a)
		}
	})
	t.Run("Stop does not wait for a starting instance", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "deaf", func(o *Options) { o.StartTimeout, o.DrainTimeout = time.Hour, 20*time.Millisecond })
		got := make(chan result, 1)
		go func() {
			a, err := p.do(http.MethodGet, "/pid", "")
			if err != nil {
				a.body = err.Error()
			}
			got <- a
		}()
		waitUntil(t, "an instance starts", func() bool { return len(p.pids()) == 1 })
		if err := p.Stop(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want context.DeadlineExceeded", err)
		}
		if a := <-got; a.status == http.StatusOK {
			t.Errorf("response without an instance: %+v", a)
		}
	})
	t.Run("Stop can be called twice", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		for range 2 {
			if err := p.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}
