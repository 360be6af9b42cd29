package console

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/cloudrun"
	"souk/emulators/pubsub"
)

// latencyCounts returns cumulative counts of requests with the given latencies in seconds.
func latencyCounts(latencies ...float64) []int64 {
	counts := make([]int64, len(cloudrun.LatencyBounds)+1)
	for i := range counts {
		for _, latency := range latencies {
			if i == len(counts)-1 || latency <= cloudrun.LatencyBounds[i] {
				counts[i]++
			}
		}
	}
	return counts
}

// TestQuantile requires that a percentile is within the bucket of the request that it is.
func TestQuantile(t *testing.T) {
	t.Parallel()
	var latencies []float64
	for i := range 100 {
		latencies = append(latencies, float64(i+1)/1000) // 1 ms to 100 ms
	}
	for _, q := range []float64{0.5, 0.95, 0.99} {
		got, want := quantile(latencyCounts(latencies...), q), q/10
		if math.Abs(got-want) > want*0.42 { // a bucket is √2 wide
			t.Errorf("quantile %v = %v s, want about %v s", q, got, want)
		}
	}
	if got := quantile(latencyCounts(), 0.5); got != 0 {
		t.Errorf("without requests: %v, want 0", got)
	}
	if got, last := quantile(latencyCounts(1e6), 0.5), cloudrun.LatencyBounds[len(cloudrun.LatencyBounds)-1]; got != last {
		t.Errorf("above the last bound: %v, want %v", got, last)
	}
}

// TestCompare requires that a sample has rates of counters, and states as they are.
func TestCompare(t *testing.T) {
	t.Parallel()
	before := reading{at: 100, functions: []cloudrun.Status{{
		Name: "order-place", Counters: cloudrun.Counters{Requests: 10, Errors5xx: 1, Latency: latencyCounts()},
		Instances: []cloudrun.InstanceStatus{{ID: "one", CPUSeconds: 1}},
	}}, topics: pubsub.Stats{Subscriptions: []pubsub.SubscriptionStats{
		{Name: "stock-reserve.order-placed", Push: true, Acknowledged: 2, PushSeconds: 1},
	}}}
	after := reading{at: 102, functions: []cloudrun.Status{{
		Name: "order-place", Queued: 3, Scaling: cloudrun.Scaling{Concurrency: 40, MaxInstances: 3},
		Counters: cloudrun.Counters{Requests: 30, Errors5xx: 2, Rejected429: 4, ColdStarts: 2, Latency: latencyCounts(0.01, 0.01)},
		Instances: []cloudrun.InstanceStatus{
			{ID: "one", State: cloudrun.StateServing, CPUSeconds: 1.5, InFlight: 2, MemoryBytes: 1000},
			{ID: "two", State: cloudrun.StateStarting, CPUSeconds: 0.5, MemoryBytes: 500},
			{ID: "three", State: cloudrun.StateDraining},
		},
	}}, topics: pubsub.Stats{Topics: []pubsub.TopicStats{{Name: "order-placed", Published: 8}}, Subscriptions: []pubsub.SubscriptionStats{
		{Name: "stock-reserve.order-placed", Push: true, Acknowledged: 4, Failed: 2, PushSeconds: 1.4, Backlog: 7, OldestSeconds: 3, DeadLetterTopic: "dead"},
		{Name: "dead", Topic: "dead", Backlog: 5},
	}}}
	s := compare(before, after)
	f := s.Functions[0]
	if f.P50 < 0.007 || f.P50 > 0.012 {
		t.Errorf("p50 = %v s, want about 10 ms", f.P50)
	}
	f.P50, f.P95, f.P99 = 0, 0, 0
	want := functionSample{
		Name: "order-place", Rate: 10, Errors: 0.5, Rejected: 2, TotalRejected: 4, ColdStarts: 2, Queued: 3, Max: 3,
		Starting: 1, Serving: 1, Draining: 1, InFlight: 2, Capacity: 40, CPU: 0.5, Memory: 1500,
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("function (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]topicSample{{Name: "order-placed", Rate: 4}}, s.Topics); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	subscription := subscriptionSample{
		Name: "stock-reserve.order-placed", Rate: 1, Fails: 1, Latency: 0.1, Backlog: 7, Oldest: 3, Dead: 5,
	}
	if diff := cmp.Diff([]subscriptionSample{subscription}, s.Subscriptions); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
}

// TestSamplerHistory requires that the history ends after 15 minutes.
func TestSamplerHistory(t *testing.T) {
	t.Parallel()
	at := 0.0
	s := newSampler(func() reading {
		at++
		return reading{at: at, functions: []cloudrun.Status{{Name: "jwks", Counters: cloudrun.Counters{Requests: int64(at) * 5}}}}
	}, func() bool { return true })
	for range 1000 {
		s.take()
	}
	rows := s.rows("jwks")
	if len(rows) < 900 || len(rows) > 902 {
		t.Errorf("%d rows, want those of 15 minutes", len(rows))
	}
	if last := rows[len(rows)-1]; last[0] != at || last[1] != 5 {
		t.Errorf("last row %v, want time %v and rate 5", last, at)
	}
	if sparks := s.sparks(at - 10)["jwks"]; len(sparks) != 11 {
		t.Errorf("%d points of a small chart, want 11", len(sparks))
	}
}

// TestSamplerFollow requires that a stream gets the last sample at once and each new one.
func TestSamplerFollow(t *testing.T) {
	t.Parallel()
	at := 0.0
	s := newSampler(func() reading { at++; return reading{at: at} }, func() bool { return true })
	s.take()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []float64
	err := s.follow(ctx, func(_ reading, latest sample) error {
		if got = append(got, latest.T); len(got) == 3 {
			cancel()
			return nil
		}
		s.take()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{2, 3, 4}, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}
