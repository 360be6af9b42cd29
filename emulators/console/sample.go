package console

import (
	"math"

	"souk/emulators/cloudrun"
	"souk/emulators/pubsub"
)

// reading is the state of all sources at one time.
type reading struct {
	// at is in seconds since 1970.
	at        float64
	functions []cloudrun.Status
	topics    pubsub.Stats
}

// sample is what happened between two readings. Rates are per second.
type sample struct {
	// T is the end of the interval in seconds since 1970, Seconds its length.
	T             float64              `json:"t"`
	Seconds       float64              `json:"seconds"`
	Functions     []functionSample     `json:"functions"`
	Topics        []topicSample        `json:"topics"`
	Subscriptions []subscriptionSample `json:"subscriptions"`
	// Total is the sum of all functions.
	Total functionSample `json:"total"`
}

// functionSample is a function in a sample.
type functionSample struct {
	Name   string  `json:"name"`
	Rate   float64 `json:"rate"`
	Errors float64 `json:"errors"`
	// P50, P95 and P99 are percentiles of the latency in seconds, 0 without requests.
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	// Starting, Serving and Draining are numbers of instances, Max their upper bound.
	Starting int `json:"starting"`
	Serving  int `json:"serving"`
	Draining int `json:"draining"`
	Max      int `json:"max"`
	// InFlight of Capacity requests are in instances that serve, Queued wait for one.
	InFlight int `json:"inFlight"`
	Capacity int `json:"capacity"`
	Queued   int `json:"queued"`
	// CPU is in cores, Memory in bytes, both of all instances.
	CPU    float64 `json:"cpu"`
	Memory int64   `json:"memory"`
	// Rejected and Unavailable are responses with 429 and 503 of the platform.
	Rejected    float64 `json:"rejected"`
	Unavailable float64 `json:"unavailable"`
	// ColdStarts and OOMKills are totals since the start.
	ColdStarts int64 `json:"coldStarts"`
	OOMKills   int64 `json:"oomKills"`
	// TotalRejected and TotalUnavailable are totals since the start.
	TotalRejected    int64 `json:"totalRejected"`
	TotalUnavailable int64 `json:"totalUnavailable"`
}

// topicSample is a topic in a sample.
type topicSample struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"`
}

// subscriptionSample is a push subscription in a sample.
type subscriptionSample struct {
	Name  string  `json:"name"`
	Rate  float64 `json:"rate"`
	Fails float64 `json:"fails"`
	// Latency is the mean time of a push in seconds.
	Latency float64 `json:"latency"`
	Backlog int     `json:"backlog"`
	Oldest  float64 `json:"oldest"`
	// Dead is the number of messages in its dead-letter topic's subscription.
	Dead int `json:"dead"`
}

// compare returns the sample of the time between two readings.
func compare(before, after reading) sample {
	s := sample{T: math.Round(after.at*10) / 10, Seconds: after.at - before.at}
	if s.Seconds <= 0 {
		s.Seconds = 1
	}
	previous := map[string]cloudrun.Status{}
	for _, f := range before.functions {
		previous[f.Name] = f
	}
	var latency []int64
	s.Total.Name = "total"
	for _, f := range after.functions {
		counts := difference(previous[f.Name].Counters.Latency, f.Counters.Latency)
		one := compareFunction(previous[f.Name], f, counts, s.Seconds)
		s.Functions = append(s.Functions, one)
		s.Total.add(one)
		latency = sum(latency, counts)
	}
	s.Total.setPercentiles(latency)
	s.Topics, s.Subscriptions = compareTopics(before.topics, after.topics, s.Seconds)
	return s
}

func compareFunction(before, after cloudrun.Status, latency []int64, seconds float64) functionSample {
	rate := func(before, after int64) float64 { return round(float64(max(after-before, 0)) / seconds) }
	b, a := before.Counters, after.Counters
	f := functionSample{
		Name: after.Name, Rate: rate(b.Requests, a.Requests), Errors: rate(b.Errors5xx, a.Errors5xx),
		Rejected: rate(b.Rejected429, a.Rejected429), Unavailable: rate(b.Unavailable503, a.Unavailable503),
		ColdStarts: a.ColdStarts, OOMKills: a.OOMKills, TotalRejected: a.Rejected429, TotalUnavailable: a.Unavailable503,
		Queued: after.Queued, Max: after.Scaling.MaxInstances,
	}
	f.setPercentiles(latency)
	cpu := map[string]float64{}
	for _, i := range before.Instances {
		cpu[i.ID] = i.CPUSeconds
	}
	used := 0.0
	for _, i := range after.Instances {
		switch i.State {
		case cloudrun.StateStarting:
			f.Starting++
		case cloudrun.StateServing:
			f.Serving++
			f.Capacity += after.Scaling.Concurrency
		case cloudrun.StateDraining:
			f.Draining++
		}
		f.InFlight += i.InFlight
		f.Memory += i.MemoryBytes
		used += max(i.CPUSeconds-cpu[i.ID], 0)
	}
	f.CPU = round(used / seconds)
	return f
}

// add adds what can be added of another function.
func (f *functionSample) add(other functionSample) {
	f.Rate += other.Rate
	f.Errors += other.Errors
	f.Starting += other.Starting
	f.Serving += other.Serving
	f.Draining += other.Draining
	f.Max += other.Max
	f.InFlight += other.InFlight
	f.Capacity += other.Capacity
	f.Queued += other.Queued
	f.CPU += other.CPU
	f.Memory += other.Memory
	f.Rejected += other.Rejected
	f.Unavailable += other.Unavailable
	f.ColdStarts += other.ColdStarts
	f.OOMKills += other.OOMKills
	f.TotalRejected += other.TotalRejected
	f.TotalUnavailable += other.TotalUnavailable
}

// setPercentiles sets the percentiles of cumulative counts within cloudrun.LatencyBounds.
func (f *functionSample) setPercentiles(counts []int64) {
	f.P50, f.P95, f.P99 = quantile(counts, 0.5), quantile(counts, 0.95), quantile(counts, 0.99)
}

// compareTopics returns the topics, and the subscriptions that push.
func compareTopics(before, after pubsub.Stats, seconds float64) ([]topicSample, []subscriptionSample) {
	published, previous := map[string]int64{}, map[string]pubsub.SubscriptionStats{}
	for _, t := range before.Topics {
		published[t.Name] = t.Published
	}
	dead := map[string]int{}
	for _, s := range before.Subscriptions {
		previous[s.Name] = s
	}
	for _, s := range after.Subscriptions {
		dead[s.Topic] += s.Backlog
	}
	var topics []topicSample
	for _, t := range after.Topics {
		topics = append(topics, topicSample{Name: t.Name, Rate: round(float64(max(t.Published-published[t.Name], 0)) / seconds)})
	}
	var subscriptions []subscriptionSample
	for _, s := range after.Subscriptions {
		if !s.Push {
			continue
		}
		old := previous[s.Name]
		one := subscriptionSample{
			Name: s.Name, Backlog: s.Backlog, Oldest: round(s.OldestSeconds), Dead: dead[s.DeadLetterTopic],
			Rate: round(float64(s.Acknowledged-old.Acknowledged) / seconds), Fails: round(float64(s.Failed-old.Failed) / seconds),
		}
		if pushes := s.Acknowledged - old.Acknowledged + s.Failed - old.Failed; pushes > 0 {
			one.Latency = round((s.PushSeconds - old.PushSeconds) / float64(pushes))
		}
		subscriptions = append(subscriptions, one)
	}
	return topics, subscriptions
}

// difference returns after - before. A missing count is 0.
func difference(before, after []int64) []int64 {
	counts := make([]int64, len(after))
	for i := range after {
		counts[i] = after[i]
		if i < len(before) {
			counts[i] -= before[i]
		}
	}
	return counts
}

func sum(total, counts []int64) []int64 {
	if total == nil {
		total = make([]int64, len(counts))
	}
	for i := range min(len(total), len(counts)) {
		total[i] += counts[i]
	}
	return total
}

// quantile returns a quantile of cumulative counts within cloudrun.LatencyBounds, in seconds,
// interpolated within its bucket. It returns 0 without counts, and the last bound for what is
// above it.
func quantile(counts []int64, q float64) float64 {
	if len(counts) == 0 || counts[len(counts)-1] <= 0 {
		return 0
	}
	bounds := cloudrun.LatencyBounds
	rank := q * float64(counts[len(counts)-1])
	lower, below := 0.0, 0.0
	for i, bound := range bounds {
		if count := float64(counts[i]); count >= rank {
			return round(lower + (bound-lower)*(rank-below)/max(count-below, 1))
		}
		lower, below = bound, float64(counts[i])
	}
	return bounds[len(bounds)-1]
}

// round rounds to four significant digits: JSON stays short.
func round(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
