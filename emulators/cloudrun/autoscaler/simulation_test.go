package autoscaler_test

import (
	"time"

	"souk/emulators/cloudrun/autoscaler"
)

// load is what clients request of a service at a time.
type load struct {
	// requests is the number of concurrent requests that clients have open.
	requests int
	// cpu is the number of vCPUs that each of them uses, if an instance has as many.
	cpu float64
}

// service is a simulated service. A request goes to the instances that the load needs, and to
// the others only if these are full. An instance starts within a tick.
type service struct {
	settings   autoscaler.Settings
	autoscaler *autoscaler.Autoscaler
	// idle has how long each instance has had no request, the busiest first.
	idle                []time.Duration
	starting, preferred int
	waiting             int
}

func newService(settings autoscaler.Settings) *service {
	settings.Windows = settings.Windows.WithDefaults()
	return &service{settings: settings, autoscaler: autoscaler.New(settings)}
}

// instances returns the number of instances that start or serve.
func (s *service) instances() int { return len(s.idle) + s.starting }

// tick simulates one tick with a load.
func (s *service) tick(l load) {
	for range s.starting {
		s.idle = append(s.idle, 0)
	}
	s.starting = 0
	inside := min(l.requests, len(s.idle)*s.settings.Concurrency)
	s.waiting = l.requests - inside
	busy := min(inside, len(s.idle), max(s.preferred, (inside+s.settings.Concurrency-1)/s.settings.Concurrency))
	sample := autoscaler.Sample{
		Requests: float64(l.requests), CPU: min(float64(inside)*l.cpu, float64(busy)*s.settings.CPU),
		Waiting: s.waiting, Serving: len(s.idle),
	}
	for i := range s.idle {
		if i < busy {
			s.idle[i] = 0
			continue
		}
		s.idle[i] += s.settings.Windows.Tick
		sample.Idle = append(sample.Idle, s.idle[i])
	}
	decision := s.autoscaler.Tick(sample)
	s.preferred, s.starting = decision.Preferred, decision.Start
	s.idle = s.idle[:len(s.idle)-decision.Stop]
}
