package function

import (
	"cmp"
	"database/sql"
	"net/http"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"souk/shared/telemetry"
)

// metrics returns the metrics of a process, nil if they are not exported.
func (s settings) metrics(p telemetry.Process, tracer *telemetry.Tracer, pool *sql.DB) *telemetry.Metrics {
	return s.Metrics.NewMetrics(s.Trace, p, func(m *telemetry.Metrics) {
		stats := pool.Stats()
		m.Add(telemetry.PoolConnections, float64(stats.InUse), semconv.DBClientConnectionStateUsed)
		m.Add(telemetry.PoolConnections, float64(stats.Idle), semconv.DBClientConnectionStateIdle)
		m.Add(telemetry.PoolMaximum, float64(stats.MaxOpenConnections))
		m.SetTotal(telemetry.PoolWait, stats.WaitDuration.Seconds())
		m.SetTotal(telemetry.LostSpans, float64(tracer.LostSpans()))
	})
}

// measure adds a request to the metrics, and exports them if they are due, before the end of
// the response. It does nothing if they are not exported.
func (rw *responseWriter) measure(m *telemetry.Metrics, r *http.Request, took time.Duration) {
	if m == nil {
		return
	}
	m.Add(telemetry.RequestDuration, took.Seconds(), semconv.HTTPRequestMethodKey.String(requestMethod(r)),
		semconv.HTTPRoute(rw.trace.route), semconv.HTTPResponseStatusCode(cmp.Or(rw.status, http.StatusOK)), semconv.FaaSInvokedName(rw.function))
	m.Export(rw.ctx)
}
