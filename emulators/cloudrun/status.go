package cloudrun

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"souk/shared/manifest"
)

// Status is the current state of a function.
type Status struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// PIDs are the processes of its instances, including those that start or stop.
	PIDs    []int   `json:"pids"`
	Scaling Scaling `json:"scaling"`
	// Queued is the number of requests that wait for an instance.
	Queued    int              `json:"queued"`
	Instances []InstanceStatus `json:"instances"`
	Counters  Counters         `json:"counters"`
}

// Scaling is the size and the number of a function's instances: see manifest.Scaling.
type Scaling struct {
	Concurrency  int    `json:"concurrency"`
	MinInstances int    `json:"minInstances"`
	MaxInstances int    `json:"maxInstances"`
	CPU          string `json:"cpu"`
	Memory       string `json:"memory"`
}

// InstanceState is the part of its life that an instance is in.
type InstanceState string

// The states of an instance. A draining instance gets no new requests.
const (
	StateStarting InstanceState = "starting"
	StateServing  InstanceState = "serving"
	StateDraining InstanceState = "draining"
)

// InstanceStatus is the current state of an instance.
type InstanceStatus struct {
	// ID is the label instanceId of its log entries.
	ID string `json:"id"`
	// PID is 0 before its process starts.
	PID   int           `json:"pid"`
	State InstanceState `json:"state"`
	// InFlight is the number of requests that it processes, Requests of those it got.
	InFlight    int       `json:"inFlight"`
	Requests    int64     `json:"requests"`
	CPUSeconds  float64   `json:"cpuSeconds"`
	MemoryBytes int64     `json:"memoryBytes"`
	StartedAt   time.Time `json:"startedAt"`
	// Throttled reports whether its CPU has been taken away until the next request.
	Throttled bool `json:"throttled"`
}

// Counters count events of a function since the platform started. They never decrease.
type Counters struct {
	// Requests are those that ended, including those that were rejected.
	Requests int64 `json:"requests"`
	// Errors5xx are the responses with a 5xx status, of instances or of the platform.
	Errors5xx int64 `json:"errors5xx"`
	// Rejected429 are the requests that the platform rejected because all instances were busy.
	Rejected429 int64 `json:"rejected429"`
	// Unavailable503 are the requests to which the platform responded with 503.
	Unavailable503 int64 `json:"unavailable503"`
	// ColdStarts are the instances that started.
	ColdStarts int64 `json:"coldStarts"`
	// OOMKills are the instances that were killed at their memory limit.
	OOMKills int64 `json:"oomKills"`
	// Latency counts requests by time: element i counts those within LatencyBounds[i], and
	// the last element all, so that the counts are cumulative.
	Latency []int64 `json:"latency"`
}

// LatencyBounds are the upper bounds of the latency histogram in seconds: from 0.5 ms to
// 65.5 s, each √2 times the one before.
var LatencyBounds = func() []float64 {
	bounds := make([]float64, 35)
	for i := range bounds {
		bounds[i] = 0.0005 * float64(int(1)<<(i/2))
		if i%2 == 1 {
			bounds[i] *= 1.414
		}
	}
	return bounds
}()

// counters are the Counters of a service in a form that requests update without a lock.
type counters struct {
	errors5xx, rejected429, unavailable503, coldStarts, oomKills atomic.Int64
	// latency counts requests between two bounds.
	latency [36]atomic.Int64
}

// count records a request that ended with a status after a time, or 0 if its client
// disconnected.
func (c *counters) count(status int, took time.Duration) {
	if status >= http.StatusInternalServerError {
		c.errors5xx.Add(1)
	}
	at, _ := slices.BinarySearch(LatencyBounds, took.Seconds()) // the first bound that it is within
	c.latency[at].Add(1)
}

// read returns the current values.
func (c *counters) read() Counters {
	values := Counters{
		Errors5xx: c.errors5xx.Load(), Rejected429: c.rejected429.Load(), Unavailable503: c.unavailable503.Load(),
		ColdStarts: c.coldStarts.Load(), OOMKills: c.oomKills.Load(),
		Latency: make([]int64, len(c.latency)),
	}
	for i := range c.latency {
		values.Requests += c.latency[i].Load()
		values.Latency[i] = values.Requests
	}
	return values
}

// Services returns the state of all functions, in the order of the manifest.
func (p *Platform) Services() []Status {
	all := make([]Status, 0, len(p.services))
	for _, s := range p.services {
		all = append(all, s.status())
	}
	return all
}

func (s *service) status() Status {
	status := Status{
		Name: s.function.Name, URL: s.url, PIDs: []int{}, Instances: []InstanceStatus{},
		Scaling: scalingStatus(s.scaling), Queued: s.pool.Waiting(), Counters: s.counters.read(),
	}
	s.mu.Lock()
	for _, inst := range s.instances {
		status.Instances = append(status.Instances, inst.statusLocked())
	}
	s.mu.Unlock()
	for i := range status.Instances {
		one := &status.Instances[i]
		if one.PID != 0 {
			status.PIDs = append(status.PIDs, one.PID)
			one.CPUSeconds, one.MemoryBytes = usage(one.PID)
		}
	}
	return status
}

func scalingStatus(s manifest.Scaling) Scaling {
	return Scaling{
		Concurrency: s.Concurrency, MinInstances: s.MinInstances, MaxInstances: s.MaxInstances, CPU: s.CPU, Memory: s.Memory,
	}
}

func (i *instance) statusLocked() InstanceStatus {
	status := InstanceStatus{ID: i.id, PID: int(i.pid.Load()), State: i.state.status(), StartedAt: i.startedAt}
	status.Throttled = i.state == serving && i.allowance.isThrottled()
	if i.backend != nil {
		load := i.backend.Load()
		status.InFlight, status.Requests = load.InFlight, load.Requests
	}
	return status
}

func (s state) status() InstanceState {
	switch s {
	case starting:
		return StateStarting
	case serving:
		return StateServing
	}
	return StateDraining
}
