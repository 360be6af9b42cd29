package deploy_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mustMonitor starts a Cloud Monitoring, and returns the variable that names it. For every revision that is asked about,
// signal says how many of a hundred requests fail, by the share that it has; -1 is a
// revision that gets no requests.
func mustMonitor(t *testing.T, path string, signal func(revision string, percent int) int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		filter := q.Get("filter")
		if r.URL.Path != "/v3/projects/souk-test/timeSeries" || q.Get("aggregation.perSeriesAligner") != "ALIGN_DELTA" ||
			q.Get("aggregation.crossSeriesReducer") != "REDUCE_SUM" || !slices.Contains(q["aggregation.groupByFields"], "resource.labels.revision_name") ||
			q.Get("interval.startTime") >= q.Get("interval.endTime") || !strings.Contains(filter, `resource.type="cloud_run_revision"`) {
			http.Error(w, "unknown request: "+r.URL.String(), http.StatusBadRequest)
			return
		}
		c, err := readCloud(path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		series := []any{}
		_, revisions, _ := strings.Cut(filter, "one_of(")
		for _, match := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(revisions, -1) {
			failed := signal(match[1], c.percent(match[1]))
			if failed < 0 || !strings.Contains(filter, `metric.type="run.googleapis.com/request_count"`) {
				continue
			}
			series = append(series, count(match[1], "200", 100-failed), count(match[1], "500", failed))
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"timeSeries": series}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return "MONITORING_ENDPOINT=" + server.URL + "/"
}

// count is one time series, as https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TimeSeries has it.
func count(revision, code string, n int) any {
	return map[string]any{
		"metric":   map[string]any{"labels": map[string]string{"response_code": code}},
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]string{"revision_name": revision}},
		"points":   []any{map[string]any{"value": map[string]any{"int64Value": jsonInt(n)}}},
	}
}

// jsonInt is how Google's APIs write 64 bits: as text.
func jsonInt(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}
