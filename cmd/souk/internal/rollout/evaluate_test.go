package rollout

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	monitoring "google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"souk/functions"
)

func mustReadSLOs(t *testing.T) SLOs {
	t.Helper()
	file, err := os.Open("../../../../terraform/slo.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := ReadSLOs(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustRun(t *testing.T, name, granularity string) Run {
	t.Helper()
	for _, run := range Runs(functions.Manifest(), granularity) {
		if run.Name == name {
			return run
		}
	}
	t.Fatalf("there is no %s", name)
	return Run{}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	p := mustReadSLOs(t)
	for name, test := range map[string]struct {
		run         string
		counted     counted
		bad, silent bool
	}{
		"nothing is silent":                        {run: "order-place", silent: true},
		"responses are good":                       {run: "order-place", counted: counted{codes: map[int]int64{201: 90, 400: 5, 409: 5}}},
		"one failure of one may be an accident":    {run: "order-get", counted: counted{codes: map[int]int64{500: 1}}},
		"two of two are none":                      {run: "order-get", counted: counted{codes: map[int]int64{503: 2}}, bad: true},
		"one of a hundred may be":                  {run: "order-get", counted: counted{codes: map[int]int64{200: 99, 500: 1}}},
		"ten of 200 are none":                      {run: "order-get", counted: counted{codes: map[int]int64{200: 190, 500: 10}}, bad: true},
		"one percent of very many is below pace":   {run: "order-get", counted: counted{codes: map[int]int64{200: 990_000, 500: 10_000}}},
		"two percent of very many is above":        {run: "order-get", counted: counted{codes: map[int]int64{200: 980_000, 500: 20_000}}, bad: true},
		"clients' faults are not the function's":   {run: "order-get", counted: counted{codes: map[int]int64{404: 100}}},
		"Pub/Sub's refused messages are":           {run: "stock-reserve", counted: counted{codes: map[int]int64{401: 5}}, bad: true},
		"no free instance is not":                  {run: "stock-reserve", counted: counted{codes: map[int]int64{204: 5, 429: 100}}},
		"slow responses of a journey are bad":      {run: "product-get", counted: counted{codes: map[int]int64{200: 100}, slow: 40, timed: 100}, bad: true},
		"a few slow ones are not":                  {run: "product-get", counted: counted{codes: map[int]int64{200: 100}, slow: 10, timed: 100}},
		"slow deliveries are bad":                  {run: "stock-reserve", counted: counted{codes: map[int]int64{204: 100}, slow: 40, timed: 100}, bad: true},
		"orders that are decided late are bad":     {run: "order-confirm", counted: counted{codes: map[int]int64{204: 50}, late: 30, decided: 50}, bad: true},
		"orders that are decided in time are good": {run: "order-confirm", counted: counted{codes: map[int]int64{204: 50}, late: 1, decided: 50}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := p.evaluate(mustRun(t, test.run, ByFunction), "r", test.counted)
			if v.Bad != test.bad || v.Silent != test.silent {
				t.Errorf("the outcome is %+v", v)
			}
		})
	}
}

// TestAtLeast compares with sums made by hand.
func TestAtLeast(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		k, n int64
		p    float64
		want float64
	}{
		{2, 2, 0.1, 0.01},
		{1, 2, 0.1, 0.19},
		{9, 10, 0.5, 11.0 / 1024},
		{0, 10, 0.5, 1},
		{5, 10, 0.5, 1}, // not above average
	} {
		if got := atLeast(test.k, test.n, test.p); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%d or more of %d at %v: %v, want %v", test.k, test.n, test.p, got, test.want)
		}
	}
}

func TestSLOs(t *testing.T) {
	t.Parallel()
	p := mustReadSLOs(t)
	t.Run("functions that share a service have the mildest of their bounds", func(t *testing.T) {
		t.Parallel()
		if b := p.bounds(mustRun(t, "user-http", ByService)); b.withinMS != 2000 || b.available != 0.999 {
			t.Errorf("%+v", b)
		}
		if b := p.bounds(mustRun(t, "product-get", ByFunction)); b.withinMS != 400 {
			t.Errorf("%+v", b)
		}
	})
	for _, broken := range []string{`{}`, `{"promises": {}}`, `{"decided": {"good": 1}, "page_at_burn_rate": 2}`, `{"all_others_available": 0.9, "decided": {"good": 0.9}, "page_at_burn_rate": 2}`} {
		if _, err := ReadSLOs(strings.NewReader(broken)); err == nil {
			t.Errorf("%s is taken", broken)
		}
	}
}

// TestMetrics reads responses in the form that
// https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list shows.
func TestMetrics(t *testing.T) {
	t.Parallel()
	responses := map[string]string{
		requestCount: `{"timeSeries": [
			{"metric": {"labels": {"response_code": "200"}}, "resource": {"labels": {"revision_name": "r-2"}}, "points": [{"value": {"int64Value": "90"}}]},
			{"metric": {"labels": {"response_code": "503"}}, "resource": {"labels": {"revision_name": "r-2"}}, "points": [{"value": {"int64Value": "10"}}]},
			{"metric": {"labels": {"response_code": "500"}}, "resource": {"labels": {"revision_name": "other"}}, "points": [{"value": {"int64Value": "99"}}]}]}`,
		// Bounds 100, 200, 400, 800: the last two buckets begin at 400 and 800.
		requestLatencies: `{"timeSeries": [
			{"metric": {"labels": {"response_code": "200"}}, "resource": {"labels": {"revision_name": "r-2"}}, "points": [{"value": {"distributionValue":
				{"count": "90", "bucketOptions": {"exponentialBuckets": {"numFiniteBuckets": 3, "growthFactor": 2, "scale": 100}}, "bucketCounts": ["1", "2", "80", "4", "3"]}}}]},
			{"metric": {"labels": {"response_code": "503"}}, "resource": {"labels": {"revision_name": "r-2"}}, "points": [{"value": {"distributionValue":
				{"count": "10", "bucketOptions": {"exponentialBuckets": {"numFiniteBuckets": 3, "growthFactor": 2, "scale": 100}}, "bucketCounts": ["0", "0", "0", "0", "10"]}}}]}]}`,
		orderDecided: `{"timeSeries": [
			{"resource": {"labels": {"revision_name": "r-2"}}, "points": [{"value": {"distributionValue":
				{"count": "5", "bucketOptions": {"explicitBuckets": {"bounds": [10, 30, 60]}}, "bucketCounts": ["1", "2", "2"]}}}]}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for metric, response := range responses {
			if strings.Contains(r.URL.Query().Get("filter"), `metric.type="`+metric+`"`) && strings.Contains(r.URL.Query().Get("filter"), `one_of("r-2")`) {
				w.Header().Set("Content-Type", "application/json")
				if !json.Valid([]byte(response)) {
					t.Errorf("%s is no JSON", response)
				}
				_, _ = w.Write([]byte(response)) // the client reports a failed write
			}
		}
	}))
	t.Cleanup(server.Close)
	metrics, err := monitoring.NewService(t.Context(), option.WithEndpoint(server.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	outcomes, err := mustReadSLOs(t).Evaluate(t.Context(), metrics, "p", []Run{mustRun(t, "product-get", ByFunction)}, map[string]string{"product-get": "r-2"}, now, now)
	if err != nil || len(outcomes) != 1 {
		t.Fatal(outcomes, err)
	}
	want := "10 of 100 failed, 7 of 90 took longer than 400 ms, 2 of 5 orders were decided later than after 30 s"
	if v := outcomes[0]; !v.Bad || v.Why != want {
		t.Errorf("the outcome is %+v", v)
	}
}
