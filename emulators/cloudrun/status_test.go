package cloudrun

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/manifest"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "", func(o *Options) {
		o.Manifest.Scaling = map[manifest.Granularity]map[manifest.Kind]manifest.Scaling{
			manifest.PerFunction: {manifest.KindHTTP: {Concurrency: 7, Memory: "256Mi", CPU: "1", MaxInstances: 3, Pool: 2}},
		}
	})
	pid := p.mustPID(t)
	got := mustStartRequest(t, p, "/until-sigterm", nil)
	status := p.Services()[0]
	if diff := cmp.Diff(Scaling{Concurrency: 7, MaxInstances: 3, CPU: "1", Memory: "256Mi"}, status.Scaling); diff != "" {
		t.Errorf("scaling (-want +got):\n%s", diff)
	}
	if len(status.Instances) != 1 {
		t.Fatalf("%d instances, want 1", len(status.Instances))
	}
	one := status.Instances[0]
	if one.ID != "1" || one.PID != pid || one.State != StateServing || one.InFlight != 1 || one.Requests != 2 ||
		time.Since(one.StartedAt) > time.Minute || one.MemoryBytes < 1<<20 {
		t.Errorf("instance = %+v", one)
	}
	p.retireAll()
	if state := p.Services()[0].Instances[0].State; state != StateDraining {
		t.Errorf("state of a retired instance = %s", state)
	}
	mustKill(t, pid, 15)
	if a := <-got; a.status != http.StatusOK {
		t.Errorf("got %+v", a)
	}
	text, err := json.Marshal(p.Services()[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`"queued":0`, `"instances":[`, `"coldStarts":1`, `"latency":[`, `"pids":[`} {
		if !strings.Contains(string(text), name) {
			t.Errorf("%s lacks %s", text, name)
		}
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	for range 3 {
		p.mustPID(t)
	}
	p.mustDo(t, http.MethodPost, "/die", "")
	waitUntil(t, "four requests are counted", func() bool { return p.Services()[0].Counters.Requests == 4 })
	got := p.Services()[0].Counters
	if got.Errors5xx != 1 || got.Unavailable503 != 1 || got.Rejected429 != 0 || got.ColdStarts != 1 {
		t.Errorf("counters = %+v", got)
	}
	if len(got.Latency) != len(LatencyBounds)+1 || !slices.IsSorted(got.Latency) || got.Latency[len(LatencyBounds)] != 4 {
		t.Errorf("latency = %v, want %d cumulative counts of 4 requests", got.Latency, len(LatencyBounds)+1)
	}
}

func TestLatencyBounds(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(LatencyBounds) || LatencyBounds[0] != 0.0005 || LatencyBounds[len(LatencyBounds)-1] != 65.536 {
		t.Errorf("bounds = %v", LatencyBounds)
	}
	var c counters
	c.count(http.StatusOK, time.Millisecond)
	c.count(http.StatusOK, time.Millisecond+1)
	c.count(http.StatusOK, time.Hour)
	got := c.read().Latency
	if got[1] != 0 || got[2] != 1 || got[3] != 2 || got[len(LatencyBounds)-1] != 2 || got[len(LatencyBounds)] != 3 {
		t.Errorf("latency = %v, want one within 1 ms, two within 1.4 ms, three in all", got)
	}
}

func TestTransport(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	if p.Transport("unknown") != nil {
		t.Error("there is a transport to an unknown function")
	}
	direct := &platform{Platform: p.Platform, client: &http.Client{Transport: p.Transport("hello")}}
	if a := direct.mustDo(t, http.MethodPost, "/echo", "body"); a.status != http.StatusOK || a.body != "body" {
		t.Errorf("got %+v", a)
	}
	requireUnavailable(t, direct.mustDo(t, http.MethodPost, "/die", "body"))
	if got := p.Services()[0].Counters; got.Requests != 2 || got.Unavailable503 != 1 {
		t.Errorf("counters = %+v", got)
	}
}

// brokenBody is a request body that fails after its beginning.
type brokenBody struct{ begun bool }

var errBroken = errors.New("the client sent nonsense")

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.begun {
		return 0, errBroken
	}
	b.begun = true
	return copy(p, "the beginning"), nil
}

func TestTransportReturnsErrorsOfTheBody(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	p.mustPID(t)
	direct := &platform{Platform: p.Platform, client: &http.Client{Transport: p.Transport("hello")}}
	if a, err := direct.send(http.MethodPost, "/echo", &brokenBody{}); !errors.Is(err, errBroken) {
		t.Errorf("got %+v, error %v, want that of the body", a, err)
	}
}
