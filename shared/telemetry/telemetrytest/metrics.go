package telemetrytest

import (
	"maps"
	"net/http"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Point is a received value of a metric.
type Point struct {
	Name string
	// Attributes has those of the process too.
	Attributes map[string]string
	// Value is that of a counter or gauge, and the sum of a histogram.
	Value float64
	// Count and Buckets are those of a histogram.
	Count   uint64
	Buckets []uint64
}

// Points returns the received values of a metric, oldest first.
func (r *Receiver) Points(name string) (points []Point) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, point := range r.points {
		if point.Name == name {
			points = append(points, point)
		}
	}
	return points
}

// receiveMetrics receives an export of metrics. The caller holds the lock.
func (r *Receiver) receiveMetrics(w http.ResponseWriter, body []byte) {
	var message metrics.MetricsData
	if err := proto.Unmarshal(body, &message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.status != http.StatusOK {
		http.Error(w, "refused by the test", r.status)
		return
	}
	for _, resource := range message.GetResourceMetrics() {
		of := attributes(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				r.points = append(r.points, points(metric, of)...)
			}
		}
	}
}

// points returns the values of a metric of a process.
func points(metric *metrics.Metric, process map[string]string) (all []Point) {
	add := func(own []*common.KeyValue, point Point) {
		point.Name, point.Attributes = metric.GetName(), attributes(own)
		maps.Copy(point.Attributes, process)
		all = append(all, point)
	}
	for _, p := range append(metric.GetGauge().GetDataPoints(), metric.GetSum().GetDataPoints()...) {
		add(p.GetAttributes(), Point{Value: p.GetAsDouble()})
	}
	for _, p := range metric.GetHistogram().GetDataPoints() {
		add(p.GetAttributes(), Point{Value: p.GetSum(), Count: p.GetCount(), Buckets: p.GetBucketCounts()})
	}
	return all
}
