// Package autoscaler computes the number of instances of a service as Cloud Run documents it
// (https://docs.cloud.google.com/run/docs/about-instance-autoscaling). It has neither a clock
// nor goroutines: its caller measures the load, calls Tick, and starts and stops instances.
//
// Metrics-based scaling recommends the larger of two numbers:
//
//	⌈ CPUs used, on average over a minute ÷ CPUs of an instance ÷ 0.6 ⌉
//	⌈ requests at the same time, on average over a minute ÷ concurrency ÷ 0.6 ⌉
//
// On-demand scaling starts instances for requests that wait. An instance that is not needed
// stays until it has been idle for 15 minutes. Minimum and maximum instances limit the result.
package autoscaler

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// Target is the part of an instance's CPU and of its concurrency that should be used.
const Target = 0.6

// Windows are the times of the algorithm. The defaults for zero fields are those of Cloud Run.
type Windows struct {
	// CPU and Concurrency are the times over which the load is averaged: 1 min.
	CPU         time.Duration `yaml:"cpu"`
	Concurrency time.Duration `yaml:"concurrency"`
	// Idle is the time without a request after which a surplus instance is stopped: 15 min.
	Idle time.Duration `yaml:"idle"`
	// Tick is the time between two evaluations: 5 s.
	Tick time.Duration `yaml:"tick"`
}

// WithDefaults returns the windows with values for zero fields.
func (w Windows) WithDefaults() Windows {
	w.CPU = cmp.Or(w.CPU, time.Minute)
	w.Concurrency = cmp.Or(w.Concurrency, time.Minute)
	w.Idle = cmp.Or(w.Idle, 15*time.Minute)
	w.Tick = cmp.Or(w.Tick, 5*time.Second)
	return w
}

// Bounds of the windows: a tick measures all instances, and a window has a value for each tick.
const (
	minTick  = time.Millisecond
	maxTicks = 10_000
)

// Check returns an error for windows that are negative, shorter than a tick or too long.
func (w Windows) Check() error {
	w = w.WithDefaults()
	switch {
	case w.Tick < minTick || w.Idle < 0:
		return fmt.Errorf("need a tick of %s or more and an idle time above zero, got %s and %s", minTick, w.Tick, w.Idle)
	case w.CPU < w.Tick || w.Concurrency < w.Tick:
		return fmt.Errorf("need windows for CPU and concurrency of a tick (%s) or more, got %s and %s",
			w.Tick, w.CPU, w.Concurrency)
	case max(w.CPU, w.Concurrency)/w.Tick > maxTicks:
		return fmt.Errorf("need windows for CPU and concurrency of at most %d ticks (%s), got %s and %s",
			maxTicks, w.Tick, w.CPU, w.Concurrency)
	}
	return nil
}

// Settings are those of one service.
type Settings struct {
	// Concurrency is the maximum number of concurrent requests of an instance.
	Concurrency int
	// CPU is the number of vCPUs of an instance.
	CPU float64
	// Min and Max are the minimum and maximum instances.
	Min, Max int
	Windows  Windows
}

// OnDemand returns how many instances to start at once because requests wait: as many as
// have room for them, less those that start already, and within the maximum. instances are
// those that start or serve.
func (s Settings) OnDemand(waiting, starting, instances int) int {
	needed := (waiting + s.Concurrency - 1) / s.Concurrency
	return max(0, min(needed-starting, s.Max-instances))
}

// Sample is the load of a service since the tick before, and its current instances.
type Sample struct {
	// Requests is the mean number of requests at the same time, including those that wait.
	Requests float64
	// CPU is the mean number of vCPUs used.
	CPU float64
	// Waiting is the number of requests that wait for an instance now.
	Waiting int
	// Starting and Serving are the numbers of instances. Those that are leaving do not count.
	Starting, Serving int
	// Idle has, for each serving instance without a request, how long it has had none.
	Idle []time.Duration
}

// Decision is the result of a tick.
type Decision struct {
	// Desired is the number of instances that the load needs.
	Desired int
	// Start is the number of instances to start, Stop that of idle ones to stop. At least
	// one of them is zero.
	Start, Stop int
	// Preferred is the number of instances that should get the requests that they have room
	// for, so that the others become idle: all after a start, until the averages include it.
	Preferred int
}

// Autoscaler has the load of the past of one service.
type Autoscaler struct {
	settings Settings
	cpu      window
	requests window
	// settled is the number of ticks without a start.
	settled int
}

// New returns a new autoscaler without any load in the past.
func New(settings Settings) *Autoscaler {
	settings.Windows = settings.Windows.WithDefaults()
	windows := settings.Windows
	return &Autoscaler{
		settings: settings,
		cpu:      newWindow(windows.CPU, windows.Tick),
		requests: newWindow(windows.Concurrency, windows.Tick),
	}
}

// Tick evaluates the load. It must be called once in each Windows.Tick.
func (a *Autoscaler) Tick(s Sample) Decision {
	a.cpu.add(s.CPU)
	a.requests.add(s.Requests)
	instances, unused := s.Starting+s.Serving, 0
	for _, idle := range s.Idle {
		if idle >= a.settings.Windows.Idle {
			unused++
		}
	}
	d := Decision{Desired: min(a.settings.Max, max(a.settings.Min, a.recommended()))}
	// Only a request starts the first instance, and the last one is stopped if it has none,
	// whatever the averages are.
	if s.Waiting == 0 && unused == instances {
		d.Desired = a.settings.Min
	}
	d.Start = max(d.Desired-instances, a.settings.OnDemand(s.Waiting, s.Starting, instances), 0)
	d.Stop = max(0, min(unused, instances-d.Desired))
	if a.settled++; d.Start > 0 {
		a.settled, d.Stop = 0, 0
	}
	d.Preferred = d.Desired
	if a.settled < max(len(a.cpu.samples), len(a.requests.samples)) {
		d.Preferred = a.settings.Max
	}
	return d
}

// recommended returns the result of metrics-based scaling.
func (a *Autoscaler) recommended() int {
	return max(
		ceil(a.cpu.mean()/a.settings.CPU/Target),
		ceil(a.requests.mean()/float64(a.settings.Concurrency)/Target),
	)
}

// ceil rounds up, apart from errors of floating-point numbers.
func ceil(x float64) int { return int(math.Ceil(x - 1e-9)) }

// window is a moving average. The time before the first sample counts as zero.
type window struct {
	samples []float64
	next    int
	sum     float64
}

func newWindow(length, tick time.Duration) window {
	return window{samples: make([]float64, max(1, int(length/tick)))}
}

func (w *window) add(x float64) {
	w.sum += x - w.samples[w.next]
	w.samples[w.next] = x
	if w.next = (w.next + 1) % len(w.samples); w.next > 0 {
		return
	}
	w.sum = 0 // without the errors of floating-point numbers so far
	for _, x := range w.samples {
		w.sum += x
	}
}

func (w *window) mean() float64 { return w.sum / float64(len(w.samples)) }
