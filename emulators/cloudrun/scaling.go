package cloudrun

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"souk/emulators/cloudrun/autoscaler"
	"souk/emulators/pool"
	"souk/shared/manifest"
)

// scalingOf returns the scaling of a function. A manifest without scaling has the defaults of
// Cloud Run (https://cloud.google.com/run/docs/configuring).
func scalingOf(list *manifest.Manifest, function manifest.Function) manifest.Scaling {
	scaling := list.ScalingOf(function)
	scaling.Concurrency = cmp.Or(scaling.Concurrency, 80)
	scaling.MaxInstances = cmp.Or(scaling.MaxInstances, 100)
	scaling.CPU = cmp.Or(scaling.CPU, "1")
	scaling.Memory = cmp.Or(scaling.Memory, "512Mi")
	return scaling
}

// scale sets up the routing and the autoscaling of a new service.
func (s *service) scale() {
	options := s.platform.options
	s.settings = autoscaler.Settings{
		Concurrency: s.scaling.Concurrency, CPU: s.scaling.VCPUs(),
		Min: s.scaling.MinInstances, Max: s.scaling.MaxInstances, Windows: options.Windows,
	}
	s.autoscaler = autoscaler.New(s.settings)
	s.tickedAt, s.cpuSeconds = time.Now(), map[*instance]float64{}
	s.pool = pool.New[*instance](pool.Options{
		Concurrency: s.settings.Concurrency, Queue: options.Queue, Policy: options.Policy,
		Wait: s.maxWait, Waiting: s.scaleOnDemand,
	})
}

// pendingStarts is the number of average starts that a request may wait for
// (https://cloud.google.com/run/docs/about-instance-autoscaling).
const pendingStarts = 3.5

// maxWait returns how long a request may wait for an instance.
func (s *service) maxWait() time.Duration {
	start := max(s.starts.mean(), s.platform.options.ColdStart) // no instance may have started yet
	return max(s.platform.options.Pending, time.Duration(pendingStarts*float64(start)))
}

// startTimes are the times that instances took to start.
type startTimes struct{ sum, count atomic.Int64 }

func (t *startTimes) add(took time.Duration) {
	t.sum.Add(int64(took))
	t.count.Add(1)
}

func (t *startTimes) mean() time.Duration {
	return time.Duration(t.sum.Load() / max(1, t.count.Load()))
}

// countLocked returns the numbers of instances that start and that serve.
func (s *service) countLocked() (startingNow, servingNow int) {
	for _, inst := range s.instances {
		switch inst.state {
		case starting:
			startingNow++
		case serving:
			servingNow++
		}
	}
	return startingNow, servingNow
}

// atMaximum reports whether no further instance may start.
func (s *service) atMaximum() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	startingNow, servingNow := s.countLocked()
	return startingNow+servingNow >= s.settings.Max
}

// scaleOnDemand starts instances for waiting requests. It fails them if there is no instance
// and none may start.
func (s *service) scaleOnDemand() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.pool.Fail(&unavailable{cause: errStopped})
		return
	}
	startingNow, servingNow := s.countLocked()
	start := s.settings.OnDemand(s.pool.Waiting(), startingNow, startingNow+servingNow)
	if wait := time.Until(s.notBefore); start > 0 && wait > 0 {
		if startingNow+servingNow == 0 {
			s.pool.Fail(&unavailable{retryAfter: wait, cause: s.cause})
		}
		return
	}
	s.startLocked(start)
}

// failedStart fails the requests that waited for an instance that did not start, unless they
// may get another one.
func (s *service) failedStart(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if startingNow, servingNow := s.countLocked(); startingNow+servingNow == 0 {
		s.pool.Fail(&unavailable{cause: cause})
	}
}

func (s *service) startLocked(n int) {
	for range n {
		s.started++
		inst := newInstance(s, s.started)
		s.instances = append(s.instances, inst)
		s.platform.running.Go(inst.run)
	}
}

// autoscale evaluates the load of all services in each tick until the platform stops.
func (p *Platform) autoscale() {
	ticker := time.NewTicker(p.options.Windows.Tick)
	defer ticker.Stop()
	for {
		for _, s := range p.services {
			s.tick()
		}
		select {
		case <-p.stopped:
			return
		case <-ticker.C:
		}
	}
}

// tick starts and stops instances as the load of the service requires.
func (s *service) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	decision := s.autoscaler.Tick(s.sampleLocked())
	s.pool.Prefer(decision.Preferred)
	if decision.Start > 0 && time.Now().After(s.notBefore) {
		s.startLocked(decision.Start)
	}
	for _, inst := range slices.Backward(s.instances) {
		if decision.Stop > 0 && inst.state == serving && inst.backend.RemoveIdle(s.settings.Windows.Idle) {
			decision.Stop--
			inst.expected = true
			s.retireLocked(inst)
		}
	}
}

// sampleLocked measures the load since the last tick.
func (s *service) sampleLocked() autoscaler.Sample {
	sample := autoscaler.Sample{Requests: s.pool.Mean(), Waiting: s.pool.Waiting()}
	now := time.Now()
	elapsed := now.Sub(s.tickedAt).Seconds()
	s.tickedAt = now
	cpuSeconds := make(map[*instance]float64, len(s.instances))
	for _, inst := range s.instances {
		if used, _ := usage(int(inst.pid.Load())); elapsed > 0 {
			sample.CPU += max(0, used-s.cpuSeconds[inst]) / elapsed
			cpuSeconds[inst] = used
		}
		switch inst.state {
		case starting:
			sample.Starting++
		case serving:
			sample.Serving++
			if load := inst.backend.Load(); load.InFlight == 0 {
				sample.Idle = append(sample.Idle, load.Idle)
			}
		}
	}
	s.cpuSeconds = cpuSeconds
	return sample
}
