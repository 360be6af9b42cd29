package cloudrun

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"souk/emulators/cloudrun/cgroup"
)

const (
	// throttleAfter is how long after its last request an instance still has its CPU.
	throttleAfter = 50 * time.Millisecond
	// boostTime is how long an instance has more CPU after its start
	// (https://cloud.google.com/run/docs/configuring/services/cpu#startup-boost).
	boostTime = 10 * time.Second
)

// boosted returns the CPUs of an instance that starts: 2 for 1 or less, and twice as many up
// to 8.
func boosted(cpus float64) float64 { return max(2, min(2*cpus, 8)) }

// allowance is the CPU and the memory of an instance as long as its control group limits
// them. As with request-based billing, the instance has its CPU while it starts, processes a
// request, is probed or stops, and next to nothing otherwise. A nil allowance has no limits.
type allowance struct {
	group *cgroup.Group
	log   *slog.Logger

	mu    sync.Mutex
	cpus  float64
	users int // requests, probes, start, stop
	// usedAt is when the last use ended. idle runs from a use's end until the CPU is taken
	// away; it is not reset by each request, which would cost several microseconds.
	usedAt time.Time
	armed  bool
	idle   *time.Timer
	boost  *time.Timer
	// throttled reports whether the CPU has been taken away.
	throttled atomic.Bool
}

// newAllowance creates the control group of an instance that starts.
func newAllowance(m *cgroup.Manager, name string, memory int64, cpus float64, log *slog.Logger) (*allowance, error) {
	group, err := m.New(name, memory, boosted(cpus))
	if err != nil {
		return nil, err
	}
	a := &allowance{group: group, log: log, cpus: boosted(cpus), users: 1}
	a.idle = time.AfterFunc(time.Hour, a.throttle)
	a.idle.Stop()
	a.boost = time.AfterFunc(time.Hour, func() { a.endBoost(cpus) })
	a.boost.Stop()
	return a, nil
}

// use restores the CPU until done.
func (a *allowance) use() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users++
	if a.throttled.Load() {
		a.throttled.Store(false)
		a.set(a.cpus)
	}
}

// done ends a use. The last one begins the time until the CPU is taken away.
func (a *allowance) done() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users--; a.users > 0 {
		return
	}
	a.usedAt = time.Now()
	if !a.armed {
		a.armed = true
		a.idle.Reset(throttleAfter)
	}
}

// started ends the use by the start. The boost ends later.
func (a *allowance) started() {
	if a == nil {
		return
	}
	a.boost.Reset(boostTime)
	a.done()
}

// throttle takes the CPU away if it has been unused for throttleAfter.
func (a *allowance) throttle() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.armed = false
	if a.users > 0 {
		return
	}
	if remaining := throttleAfter - time.Since(a.usedAt); remaining > 0 {
		a.armed = true
		a.idle.Reset(remaining)
		return
	}
	a.throttled.Store(true)
	a.set(0)
}

func (a *allowance) endBoost(cpus float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cpus = cpus; !a.throttled.Load() {
		a.set(cpus)
	}
}

func (a *allowance) set(cpus float64) {
	if err := a.group.SetCPU(cpus); err != nil {
		a.log.Warn("limit the CPU of an instance", "cpus", cpus, "error", err)
	}
}

// end removes the control group after the end of the process. It returns how often the kernel
// killed the process at its memory limit, and the most memory that it used.
func (a *allowance) end() (oomKills, peak int64) {
	if a == nil {
		return 0, 0
	}
	a.idle.Stop()
	a.boost.Stop()
	oomKills, peak = a.group.Memory()
	if err := a.group.Remove(); err != nil {
		a.log.Warn("remove the control group of an instance", "error", err)
	}
	return oomKills, peak
}

// isThrottled reports whether the CPU has been taken away.
func (a *allowance) isThrottled() bool { return a != nil && a.throttled.Load() }
