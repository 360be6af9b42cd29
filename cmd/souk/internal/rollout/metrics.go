package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	monitoring "google.golang.org/api/monitoring/v3"
)

// Metrics, as https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-run and
// terraform/alerting.tf name them. What happened shows after up to three minutes.
const (
	requestCount     = "run.googleapis.com/request_count"
	requestLatencies = "run.googleapis.com/request_latencies"
	orderDecided     = "logging.googleapis.com/user/souk_order_decided_seconds"
)

const (
	byRevision = "resource.labels.revision_name"
	byCode     = "metric.labels.response_code"
)

// window is the shortest that Cloud Monitoring sums up.
const window = 60 * time.Second

// Evaluate queries Cloud Monitoring for the requests of Cloud Run revisions since a
// moment, and returns an outcome for each, in the order of runs. Revisions are by the
// name of their service.
func (p SLOs) Evaluate(ctx context.Context, metrics *monitoring.Service, project string, runs []Run, revisions map[string]string, since, now time.Time) ([]Outcome, error) {
	if now.Sub(since) < window {
		since = now.Add(-window)
	}
	q := query{
		service: metrics, project: "projects/" + project, start: since, end: now,
		filter: fmt.Sprintf("resource.type=%q AND resource.labels.revision_name=one_of(%s)", "cloud_run_revision", quoted(slices.Sorted(maps.Values(revisions)))),
	}
	counts, err := q.ask(ctx, requestCount, byCode)
	if err != nil {
		return nil, err
	}
	latencies, err := q.ask(ctx, requestLatencies, byCode)
	if err != nil {
		return nil, err
	}
	decisions, err := q.ask(ctx, orderDecided)
	if err != nil {
		return nil, err
	}
	var outcomes []Outcome
	for _, run := range runs {
		revision, asked := revisions[run.Name]
		if !asked {
			continue
		}
		c := counted{codes: counts.codes(revision)}
		c.slow, c.timed = latencies.above(revision, p.bounds(run).withinMS)
		c.late, c.decided = decisions.above(revision, p.Decided.WithinSeconds)
		outcomes = append(outcomes, p.evaluate(run, revision, c))
	}
	return outcomes, nil
}

func quoted(names []string) string {
	for i, name := range names {
		names[i] = strconv.Quote(name)
	}
	return strings.Join(names, ",")
}

// query is what all queries of one evaluation have in common.
type query struct {
	service         *monitoring.Service
	project, filter string
	start, end      time.Time
}

type series []*monitoring.TimeSeries

// ask sums a metric up over the window, apart by revision and by further labels.
func (q query) ask(ctx context.Context, metric string, groupBy ...string) (series, error) {
	var found series
	call := q.service.Projects.TimeSeries.List(q.project).
		Filter(fmt.Sprintf("metric.type=%q AND %s", metric, q.filter)).
		IntervalStartTime(q.start.UTC().Format(time.RFC3339)).
		IntervalEndTime(q.end.UTC().Format(time.RFC3339)).
		AggregationAlignmentPeriod(fmt.Sprintf("%ds", int(q.end.Sub(q.start).Seconds()))).
		AggregationPerSeriesAligner("ALIGN_DELTA").
		AggregationCrossSeriesReducer("REDUCE_SUM").
		AggregationGroupByFields(append([]string{byRevision}, groupBy...)...)
	err := call.Pages(ctx, func(page *monitoring.ListTimeSeriesResponse) error {
		if len(page.ExecutionErrors) > 0 {
			return fmt.Errorf("the response is incomplete: %s", page.ExecutionErrors[0].Message)
		}
		found = append(found, page.TimeSeries...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask Cloud Monitoring for %s: %w", metric, err)
	}
	return found, nil
}

// of returns the series of one revision.
func (s series) of(revision string) series {
	return slices.DeleteFunc(slices.Clone(s), func(ts *monitoring.TimeSeries) bool {
		return ts.Resource == nil || ts.Resource.Labels["revision_name"] != revision
	})
}

func code(ts *monitoring.TimeSeries) int {
	if ts.Metric == nil {
		return 0
	}
	n, _ := strconv.Atoi(ts.Metric.Labels["response_code"]) // none: 0, which is no success
	return n
}

func (s series) codes(revision string) map[int]int64 {
	codes := map[int]int64{}
	for _, ts := range s.of(revision) {
		for _, point := range ts.Points {
			if point.Value != nil && point.Value.Int64Value != nil {
				codes[code(ts)] += *point.Value.Int64Value
			}
		}
	}
	return codes
}

// above counts the values above a bound, and all. A 5xx counts as failed, not as slow.
// The bucket that contains the bound counts as below.
func (s series) above(revision string, bound float64) (above, all int64) {
	for _, ts := range s.of(revision) {
		if code(ts)/100 == 5 {
			continue
		}
		for _, point := range ts.Points {
			if point.Value == nil || point.Value.DistributionValue == nil {
				continue
			}
			d := point.Value.DistributionValue
			all += d.Count
			for i, n := range d.BucketCounts {
				if bucketBegin(d.BucketOptions, i) >= bound {
					above += n
				}
			}
		}
	}
	return above, all
}
