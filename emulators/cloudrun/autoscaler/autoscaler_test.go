package autoscaler_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"souk/emulators/cloudrun/autoscaler"
)

// TestLimits simulates random loads: the instances stay between minimum and maximum, and no
// request waits while another instance may start.
func TestLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		settings := autoscaler.Settings{
			Concurrency: 1 + random.IntN(80), CPU: 1, Min: random.IntN(3), Max: 3 + random.IntN(5),
			Windows: autoscaler.Windows{Idle: time.Duration(random.IntN(60)+1) * time.Second},
		}
		s := newService(settings)
		for range 500 {
			s.tick(load{requests: random.IntN(2) * random.IntN(500), cpu: random.Float64()})
			if n := s.instances(); n < settings.Min || n > settings.Max {
				t.Fatalf("seed %d: %d instances, want %d to %d", seed, n, settings.Min, settings.Max)
			}
			if s.waiting > s.starting*settings.Concurrency && s.instances() < settings.Max {
				t.Fatalf("seed %d: %d requests wait for %d starting instances", seed, s.waiting, s.starting)
			}
		}
	}
}

func TestOnDemand(t *testing.T) {
	t.Parallel()
	settings := autoscaler.Settings{Concurrency: 40, Max: 3}
	for _, c := range []struct{ waiting, starting, instances, want int }{
		{0, 0, 0, 0}, {1, 0, 0, 1}, {40, 0, 0, 1}, {41, 0, 0, 2}, {1, 1, 1, 0}, {41, 1, 1, 1},
		{400, 0, 0, 3}, {400, 1, 3, 0}, {1, 0, 4, 0},
	} {
		if got := settings.OnDemand(c.waiting, c.starting, c.instances); got != c.want {
			t.Errorf("%d waiting, %d starting of %d: start %d, want %d", c.waiting, c.starting, c.instances, got, c.want)
		}
	}
}

func TestNoInstanceStartsWithoutARequest(t *testing.T) {
	t.Parallel()
	a := autoscaler.New(autoscaler.Settings{Concurrency: 40, CPU: 1, Max: 3})
	if d := a.Tick(autoscaler.Sample{Requests: 100, Waiting: 1, Serving: 1}); d.Desired == 0 {
		t.Errorf("decision under load = %+v", d)
	}
	// The only instance has ended: the average is high, but there is no request.
	if d := a.Tick(autoscaler.Sample{}); d.Desired != 0 || d.Start != 0 {
		t.Errorf("decision without instances and requests = %+v, want none", d)
	}
}

func TestTheLastInstanceStopsWhateverTheAverages(t *testing.T) {
	t.Parallel()
	windows := autoscaler.Windows{Idle: 10 * time.Second}
	a := autoscaler.New(autoscaler.Settings{Concurrency: 40, CPU: 1, Max: 3, Windows: windows})
	a.Tick(autoscaler.Sample{Requests: 100, Serving: 1})
	for idle, want := range map[time.Duration]int{5 * time.Second: 0, 10 * time.Second: 1} {
		if d := a.Tick(autoscaler.Sample{Serving: 1, Idle: []time.Duration{idle}}); d.Stop != want {
			t.Errorf("after %s idle: %+v, want to stop %d", idle, d, want)
		}
	}
}

func TestPreferred(t *testing.T) {
	t.Parallel()
	a := autoscaler.New(autoscaler.Settings{Concurrency: 40, CPU: 1, Max: 3})
	if d := a.Tick(autoscaler.Sample{Requests: 1, Waiting: 1}); d.Start != 1 || d.Preferred != 3 {
		t.Errorf("decision of a start = %+v, want all preferred", d)
	}
	var d autoscaler.Decision
	for range 12 {
		d = a.Tick(autoscaler.Sample{Requests: 1, Serving: 3})
	}
	if d.Preferred != 1 {
		t.Errorf("decision a minute later = %+v, want one preferred", d)
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	if err := (autoscaler.Windows{}).Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for _, w := range []autoscaler.Windows{
		{Tick: -1}, {Idle: -1}, {CPU: time.Second}, {Concurrency: time.Second}, {Tick: 2 * time.Minute},
	} {
		if w.Check() == nil {
			t.Errorf("%+v is accepted", w)
		}
	}
}
