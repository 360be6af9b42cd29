package cloudrun

import (
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"souk/shared/telemetry"
)

// minWait is the shortest wait for an instance that is recorded.
const minWait = time.Millisecond

// recordWait records how long a request of a sampled trace has waited for an instance, and
// whether the instance was started meanwhile.
func (s *service) recordWait(r *http.Request, begin time.Time, inst *instance) {
	waited := time.Since(begin)
	if s.platform.options.Tracer == nil || waited < minWait {
		return
	}
	s.platform.options.Tracer.Record(r.Header.Get(telemetry.TraceparentKey), telemetry.EndedSpan{
		Name: "wait for an instance of " + s.function.Name, Start: begin, End: begin.Add(waited),
		Attributes: []attribute.KeyValue{semconv.FaaSColdstart(inst.startedAt.After(begin)), semconv.FaaSInvokedName(s.function.Name), semconv.FaaSInstance(inst.id)},
	})
}
