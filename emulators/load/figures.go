package load

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are recorded in microseconds up to maxLatency, with three significant digits.
const (
	maxLatency        = 5 * time.Minute
	significantDigits = 3
)

// outcome is what became of an order.
type outcome int

const (
	outcomePlaced    outcome = iota
	outcomeRefused           // by a final response to the request
	outcomeUnknown           // without a final response
	outcomeConfirmed         // placed before
	outcomeRejected          // placed before
	outcomeUndecided         // placed before
	outcomes
)

// operation has the figures of one operation.
type operation struct {
	latencies *hdrhistogram.Histogram
	failed    int64
}

// figures are what a load has measured so far.
type figures struct {
	mu         sync.Mutex
	operations map[string]*operation
	failures   map[string]int64
	outcomes   [outcomes]int64
	unsent     int64
	// recent has the latencies of all requests since the last snapshot, and recentBegin the
	// time of it.
	recent       *hdrhistogram.Histogram
	recentFailed int64
	recentBegin  time.Time
	recentOrders int64
}

func newFigures() *figures {
	return &figures{
		operations: map[string]*operation{}, failures: map[string]int64{},
		recent: newHistogram(), recentBegin: time.Now(),
	}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatency.Microseconds(), significantDigits)
}

// record records a request. Decisions are no requests: they consist of several.
func (f *figures) record(name string, latency time.Duration, failure string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.operations[name]
	if o == nil {
		o = &operation{latencies: newHistogram()}
		f.operations[name] = o
	}
	value := min(max(latency.Microseconds(), 1), maxLatency.Microseconds())
	if failure != "" {
		o.failed++
		f.failures[failure]++
		f.recentFailed++
	}
	// The value is within the bounds, so there is no error.
	_ = o.latencies.RecordValue(value)
	if name != opDecision {
		_ = f.recent.RecordValue(value)
	}
}

// count counts an outcome of an order.
func (f *figures) count(o outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes[o]++
}

// addUnsent counts visits that were due and did not start.
func (f *figures) addUnsent(count int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unsent += max(count, 0)
}

// resetLatencies deletes the latencies of the preparation. Orders stay counted.
func (f *figures) resetLatencies() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.operations)
	clear(f.failures)
	f.recent.Reset()
	f.recentFailed, f.recentBegin, f.recentOrders = 0, time.Now(), f.outcomes[outcomeConfirmed]
}

// Latency has quantiles of latencies in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func newLatency(h *hdrhistogram.Histogram) Latency {
	at := func(percentile float64) float64 { return float64(h.ValueAtQuantile(percentile)) / 1000 }
	return Latency{P50: at(50), P95: at(95), P99: at(99), Max: float64(h.Max()) / 1000}
}

// Operation has the figures of one operation.
type Operation struct {
	Name      string  `json:"name"`
	Count     int64   `json:"count"`
	Failed    int64   `json:"failed"`
	PerSecond float64 `json:"perSecond"`
	Latency   Latency `json:"latencyMs"`
}

// measured returns the figures of all operations within a time.
func (f *figures) measured(elapsed time.Duration) []Operation {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Operation
	for _, name := range slices.Sorted(maps.Keys(f.operations)) {
		o := f.operations[name]
		count := o.latencies.TotalCount()
		all = append(all, Operation{
			Name: name, Count: count, Failed: o.failed,
			PerSecond: float64(count) / max(elapsed.Seconds(), 0.001), Latency: newLatency(o.latencies),
		})
	}
	return all
}
