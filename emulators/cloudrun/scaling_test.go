package cloudrun

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"souk/emulators/pool"
	"souk/shared/manifest"
)

// scaled sets the scaling of the function.
func scaled(o *Options, concurrency, minimum, maximum int) {
	o.Manifest.Scaling = map[manifest.Granularity]map[manifest.Kind]manifest.Scaling{manifest.PerFunction: {
		manifest.KindHTTP: {
			Concurrency: concurrency, MinInstances: minimum, MaxInstances: maximum, CPU: "1", Memory: "256Mi", Pool: 1,
		},
	}}
}

// held is a request that its instance processes until finish.
type held struct {
	body *io.PipeWriter
	got  chan result
}

// mustHold sends requests and returns when each is in an instance.
func mustHold(t *testing.T, p *platform, n int) []held {
	t.Helper()
	before := strings.Count(p.printed.String(), insideRequest)
	var all []held
	for range n {
		all = append(all, p.hold())
	}
	waitUntil(t, "the requests are inside", func() bool { return strings.Count(p.printed.String(), insideRequest) == before+n })
	return all
}

// hold sends a request.
func (p *platform) hold() held {
	reader, writer := io.Pipe()
	h := held{body: writer, got: make(chan result, 1)}
	go func() { _, _ = writer.Write([]byte("the beginning of a body")) }()
	go func() {
		a, err := p.send(http.MethodPost, "/until-end-of-body", reader)
		if err != nil {
			a.body = err.Error()
		}
		h.got <- a
	}()
	return h
}

func (h held) finish(t *testing.T) {
	t.Helper()
	if err := h.body.Close(); err != nil {
		t.Error(err)
	}
	if a := <-h.got; a.status != http.StatusOK || a.body != "finished" {
		t.Errorf("got %+v", a)
	}
}

func (p *platform) status() Status { return p.Services()[0] }

func TestScaleOut(t *testing.T) {
	t.Parallel()
	t.Run("requests beyond the concurrency of an instance start more, up to the maximum", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) { scaled(o, 2, 0, 3) })
		all := mustHold(t, p, 6)
		for _, inst := range p.status().Instances {
			if inst.InFlight != 2 || inst.State != StateServing {
				t.Errorf("instance = %+v, want 2 requests", inst)
			}
		}
		if n := len(p.pids()); n != 3 {
			t.Errorf("%d instances, want 3", n)
		}
		seventh := p.hold()
		waitUntil(t, "one request waits", func() bool { return p.status().Queued == 1 })
		all[0].finish(t)
		seventh.finish(t)
		for _, h := range all[1:] {
			h.finish(t)
		}
		if got := p.status().Counters; got.ColdStarts != 3 || got.Rejected429 != 0 {
			t.Errorf("counters = %+v, want 3 starts", got)
		}
	})
	t.Run("the CPU that requests use starts more instances", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			scaled(o, 80, 0, 2)
			o.Windows = Windows{CPU: 200 * time.Millisecond, Concurrency: 200 * time.Millisecond, Tick: 100 * time.Millisecond}
		})
		ctx, cancel := context.WithCancel(t.Context())
		burned := make(chan error, 1)
		go func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL("hello")+"/burn", http.NoBody)
			if err != nil {
				burned <- err
				return
			}
			_, err = p.client.Do(request)
			burned <- err
		}()
		waitUntil(t, "two instances run", func() bool { return len(p.pids()) == 2 })
		cancel()
		if err := <-burned; err == nil {
			t.Error("the request ended by itself")
		}
	})
	t.Run("minimum instances start without a request, and again when they die", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			scaled(o, 80, 2, 3)
			o.Windows = quickWindows(time.Millisecond)
		})
		serving := func() (n int) {
			for _, inst := range p.status().Instances {
				if inst.State == StateServing {
					n++
				}
			}
			return n
		}
		waitUntil(t, "two instances serve", func() bool { return serving() == 2 })
		first := p.pids()[0]
		mustKill(t, first, 9)
		waitUntil(t, "another has replaced the first", func() bool {
			pids := p.pids()
			return serving() == 2 && pids[0] != first && pids[1] != first
		})
	})
}

func TestScaleIn(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "", func(o *Options) {
		scaled(o, 2, 0, 3)
		o.Windows = quickWindows(10 * time.Millisecond)
	})
	all := mustHold(t, p, 6)
	busy := p.status().Instances
	for _, h := range all[1:] {
		h.finish(t)
	}
	waitUntil(t, "only the busy instance runs", func() bool { return len(p.pids()) == 1 })
	if one := p.status().Instances[0]; one.InFlight != 1 || one.State != StateServing {
		t.Errorf("instance = %+v of %+v, want the one with a request", one, busy)
	}
	all[0].finish(t)
	waitUntil(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
	if log := p.log.String(); strings.Contains(log, "WARN") {
		t.Errorf("warning about regular stops: %s", log)
	}
}

// requireBusy requires a 429 problem.
func requireBusy(t *testing.T, a result) {
	t.Helper()
	var problem struct{ Code, TraceID string }
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatalf("parse the problem in %+v: %v", a, err)
	}
	if a.status != http.StatusTooManyRequests || a.header.Get("Content-Type") != "application/problem+json" ||
		a.header.Get("Retry-After") == "" || problem.Code != "too_many_requests" || problem.TraceID == "" {
		t.Errorf("want a 429 problem, got %+v", a)
	}
}

func TestPendingRequests(t *testing.T) {
	t.Parallel()
	t.Run("a request that waits too long for one of the maximum instances gets 429", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			scaled(o, 1, 0, 1)
			o.Pending = time.Millisecond
		})
		p.byName["hello"].starts.count.Store(1 << 40) // starts take no time on average
		waitUntil(t, "an instance serves", func() bool {
			a, err := p.do(http.MethodGet, "/pid", "")
			return err == nil && a.status == http.StatusOK
		})
		one := mustHold(t, p, 1)
		before := p.status().Counters
		requireBusy(t, p.mustDo(t, http.MethodPost, "/echo", "body"))
		if got := p.status().Counters; got.Rejected429 != before.Rejected429+1 || got.Unavailable503 != before.Unavailable503 {
			t.Errorf("counters = %+v after %+v, want one more 429", got, before)
		}
		one[0].finish(t)
	})
	t.Run("a request beyond the queue gets 429 at once", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			scaled(o, 1, 0, 1)
			o.Pending, o.Queue = time.Hour, 1
		})
		one := mustHold(t, p, 1)
		second := p.hold()
		waitUntil(t, "one request waits", func() bool { return p.status().Queued == 1 })
		requireBusy(t, p.mustDo(t, http.MethodPost, "/echo", "body"))
		one[0].finish(t)
		second.finish(t)
	})
	t.Run("a request that waits too long for a start gets 503", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "deaf", func(o *Options) { o.Pending, o.StartTimeout = 20*time.Millisecond, time.Hour })
		requireUnavailable(t, p.mustDo(t, http.MethodPost, "/echo", "body"))
	})
	t.Run("a request may wait for three and a half average starts", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		s := p.byName["hello"]
		if wait := s.maxWait(); wait != 10*time.Second {
			t.Errorf("wait = %s before a start, want 10 s", wait)
		}
		s.starts.add(4 * time.Second)
		s.starts.add(6 * time.Second)
		if wait := s.maxWait(); wait != 17500*time.Millisecond {
			t.Errorf("wait = %s with starts of 5 s, want 17.5 s", wait)
		}
	})
}

func TestColdStart(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "", func(o *Options) { o.ColdStart = time.Hour })
	got := p.hold()
	waitUntil(t, "an instance starts", func() bool { return len(p.status().Instances) == 1 })
	if status := p.status(); status.Instances[0].State != StateStarting || status.Instances[0].PID != 0 || status.Queued != 1 {
		t.Errorf("status = %+v, want a start without a process", status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Stop(ctx); err == nil {
		t.Error("the request was not aborted")
	}
	if err := got.body.Close(); err != nil {
		t.Error(err)
	}
	<-got.got
}

func TestRoundRobin(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "", func(o *Options) {
		scaled(o, 80, 2, 2)
		o.Policy = pool.RoundRobin
	})
	waitUntil(t, "two instances serve", func() bool {
		instances := p.status().Instances
		return len(instances) == 2 && instances[0].State == StateServing && instances[1].State == StateServing
	})
	counts := map[string]int{}
	for range 6 {
		counts[strconv.Itoa(p.mustPID(t))]++
	}
	for pid, n := range counts {
		if n != 3 {
			t.Errorf("process %s has %d of 6 requests: %v", pid, n, counts)
		}
	}
}
