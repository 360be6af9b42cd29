package console

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/pubsub"
	"souk/functions"
)

// fakeSystem adds sources that change with each sample: every function has requests, errors and
// instances, every subscription a backlog and dead letters.
func fakeSystem(t *testing.T) (change func(*Options), calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	log := filepath.Join(t.TempDir(), "functions.log")
	mustAppend(t, log, logLine("order-place", "INFO", "1 placed"), logLine("order-place", "ERROR", "2 failed"))
	step := atomic.Int64{}
	return func(o *Options) {
		o.period = 100 * time.Millisecond
		o.FunctionLog = log
		o.Links = []Link{{"Gateway", "http://127.0.0.1:8080"}, {"API", "http://127.0.0.1:8080/docs"}, {"Mail", "http://127.0.0.1:8025"}}
		o.Functions = func() []cloudrun.Status {
			mustAppend(t, log, logLine("order-place", "INFO", "3 placed"), logLine("stock-reserve", "ERROR", "4 broken"))
			return fakeFunctions(step.Add(1))
		}
		o.Topics = func() pubsub.Stats { return fakeTopics(step.Load()) }
		o.RunSchedule = func(context.Context, string) error { calls.Add(1); return nil }
	}, calls
}

// fakeFunctions returns the functions at a step.
func fakeFunctions(step int64) []cloudrun.Status {
	var all []cloudrun.Status
	for i, f := range functions.Manifest().Functions {
		n := step * int64(i+1)
		latency := make([]int64, len(cloudrun.LatencyBounds)+1)
		for at := 6; at < len(latency); at++ {
			latency[at] = n
		}
		one := cloudrun.Status{
			Name: f.Name, Queued: i % 3, Scaling: cloudrun.Scaling{Concurrency: 40, MaxInstances: 3, CPU: "1", Memory: "256Mi"},
			Counters: cloudrun.Counters{Requests: n, Errors5xx: n / 7, Rejected429: n / 9, Unavailable503: n / 11, ColdStarts: 3, OOMKills: 1, Latency: latency},
		}
		for number, state := range []cloudrun.InstanceState{cloudrun.StateServing, cloudrun.StateStarting, cloudrun.StateDraining} {
			one.Instances = append(one.Instances, cloudrun.InstanceStatus{
				ID: "instance-" + string(state), PID: 1000 + number, State: state, InFlight: int(step) % 40, Requests: n,
				CPUSeconds: float64(n) / 100, MemoryBytes: 30 << 20, StartedAt: time.Now().Add(-time.Minute),
			})
		}
		all = append(all, one)
	}
	return all
}

// fakeTopics returns the topics and subscriptions at a step.
func fakeTopics(step int64) pubsub.Stats {
	var stats pubsub.Stats
	for _, f := range functions.Manifest().Functions {
		for _, topic := range f.Topics() {
			stats.Topics = append(stats.Topics, pubsub.TopicStats{Name: topic, Published: step})
			stats.Subscriptions = append(stats.Subscriptions,
				pubsub.SubscriptionStats{
					Name: f.Subscription(topic), Topic: topic, DeadLetterTopic: f.DeadLetterTopic(topic), Push: true,
					Backlog: int(step) % 100, OldestSeconds: 3, Acknowledged: step * 5, Failed: step, PushSeconds: float64(step) / 10, DeadLettered: 2,
				},
				pubsub.SubscriptionStats{Name: f.DeadLetterTopic(topic), Topic: f.DeadLetterTopic(topic), Backlog: 2})
		}
	}
	return stats
}
