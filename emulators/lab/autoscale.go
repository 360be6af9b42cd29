package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/lab/chart"
)

var autoscale = Experiment{
	Name:  "autoscale",
	Title: "Container scaling and orchestration",
	Hypothesis: `A spike from zero starts instances within seconds, up to maxInstances; requests that wait for an instance are slow. ` +
		`With too few instances the others queue. Without requests instances go, to zero or to minInstances. One that is always there spares the first request the cold start.`,
	Settings: []Setting{
		{"instances that are always there", "terraform/cloud_run.tf", "min_instance_count = each.value.scaling.min_instances"},
		{"the most instances", "terraform/cloud_run.tf", "max_instance_count = each.value.scaling.max_instances"},
		{"requests at the same time in one instance", "terraform/cloud_run.tf", "max_instance_request_concurrency = each.value.scaling.concurrency"},
		{"more CPU while an instance starts", "terraform/cloud_run.tf", "startup_cpu_boost = true"},
	},
	run: runAutoscale,
}

// spike is the load of the experiment: clients that each wait for a response, of a function
// that waits for 50 ms and takes one request at a time.
const (
	spikeClients = 4
	spikeWait    = 50 * time.Millisecond
	// spikeColdStart is what the cloud adds to the start of a process.
	spikeColdStart = 300 * time.Millisecond
)

// spikeResult is what was seen of a spike.
type spikeResult struct {
	name       string
	most       int // instances that served at the same time
	coldStarts int64
	requests   *requests
	first      float64 // ms of the first request
	toIdle     time.Duration
	instances  chart.Series
	latency    chart.Series
}

func runAutoscale(ctx context.Context, e *Env, r *Report) error {
	var results []spikeResult
	for _, test := range []struct {
		name     string
		min, max int
	}{{"0 to 4 instances", 0, 4}, {"at most 1", 0, 1}, {"1 to 4", 1, 4}} {
		e.progress("a spike of %d clients, %s", spikeClients, test.name)
		result, err := spike(ctx, e, test.name, test.min, test.max)
		if err != nil {
			return fmt.Errorf("%s: %w", test.name, err)
		}
		results = append(results, result)
		r.count(result.requests.lost() == 0, "%s: no request is lost of %d", test.name, result.requests.ok)
		r.count(result.most == test.max, "%s: the spike has %d instances", test.name, result.most)
		r.count(result.first >= 50, "%s: the first request is served", test.name)
		r.count(result.toIdle > 0, "%s: afterwards %d remain", test.name, test.min)
	}
	table := Table{
		Title:   fmt.Sprintf("%d clients, 50 ms of waiting per request, concurrency 1, a cold start of 300 ms and the process's own", spikeClients),
		Columns: []string{"instances", "requests", "at most", "cold starts", "first request ms", "p50 ms", "p99 ms", "back after"},
	}
	var instances, latency []chart.Series
	for _, s := range results {
		table.Add(s.name, s.requests.ok, s.most, s.coldStarts, milli(s.first), milli(s.requests.quantile(50)), milli(s.requests.quantile(99)), s.toIdle.Round(100*time.Millisecond))
		instances, latency = append(instances, s.instances), append(latency, s.latency)
	}
	r.Tables = append(r.Tables, table)
	r.Charts = append(r.Charts, autoscaleCharts(instances, latency)...)
	four, one, warm := results[0], results[1], results[2]
	// The cold starts are in the p99 of the first run; the run with an instance that is always
	// there shows the queue alone.
	r.compare(one.requests.quantile(50) >= 2*four.requests.quantile(50), "p50 with one instance is at least twice that with four: %s ms against %s ms",
		milli(one.requests.quantile(50)), milli(four.requests.quantile(50)))
	fourLater, oneLater := median(four.latency.Y), median(one.latency.Y)
	r.compare(oneLater >= 2*fourLater, "p99 with one instance is at least twice that with four, as the median over the spike: %s ms against %s ms",
		milli(oneLater), milli(fourLater))
	r.compare(warm.first < four.first, "with minInstances 1 the first request is faster: %s ms against %s ms", milli(warm.first), milli(four.first))
	r.find("From zero the first request took %s ms, of which 50 ms are its work. With minInstances 1 it took %s ms: that is what an instance that is always there is paid for.",
		milli(four.first), milli(warm.first))
	r.find("Four instances served %d requests in the time in which one served %d. At maxInstances Cloud Run queues requests, and then responds 429: the limit protects the database.",
		four.requests.ok, one.requests.ok)
	r.find("The times of the autoscaler are shortened from minutes to seconds here (`windows`); its formula is the documented one: 60 %% of CPU or of concurrency, and a start when requests wait.")
	return nil
}

// autoscaleCharts returns the charts of the experiment.
func autoscaleCharts(instances, latency []chart.Series) []chart.Chart {
	return []chart.Chart{{
		Name: "autoscale-instances", Title: "Instances during a spike and after it",
		Description: "Instances go to the maximum at once and back when they are idle.",
		XLabel:      "seconds", YLabel: "instances", Series: instances,
	}, {
		Name: "autoscale-latency", Title: "Latency (p99) during the spike",
		Description: "With one instance requests queue all the time; with four only the cold starts are seen.",
		XLabel:      "seconds", YLabel: "ms", Series: latency,
	}}
}

// spike sends requests from zero and waits until the instances are gone.
func spike(ctx context.Context, e *Env, name string, least, most int) (s spikeResult, err error) {
	s = spikeResult{name: name, requests: newRequests(), instances: chart.Series{Name: name}, latency: chart.Series{Name: name}}
	p, err := e.startPlatform(ctx, platformOptions{
		wait: spikeWait, concurrency: 1, min: least, max: most, coldStart: pick(e, spikeColdStart, 50*time.Millisecond),
		windows: cloudrun.Windows{CPU: 3 * time.Second, Concurrency: 3 * time.Second, Idle: 3 * time.Second, Tick: 250 * time.Millisecond},
	})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	if err := until(ctx, time.Minute, "the minimum of instances serves", func() (bool, error) { return p.serving() >= least, nil }); err != nil {
		return s, err
	}
	begin := time.Now()
	first := newRequests()
	first.sendOne(ctx, http.DefaultClient, p.url)
	s.first = first.quantile(100)
	spiked := make(chan struct{})
	go func() {
		defer close(spiked)
		s.requests.send(ctx, p.url, spikeClients, pick(e, 8*time.Second, 3*time.Second))
	}()
	idleSince := time.Time{}
	err = until(ctx, time.Minute, "the instances are gone", func() (bool, error) {
		at, now := time.Since(begin).Seconds(), p.serving()
		s.most = max(s.most, now)
		s.instances.Add(at, float64(now))
		select {
		case <-spiked:
			if idleSince.IsZero() {
				idleSince = time.Now()
			}
			return now == least, nil
		default:
			if p99 := s.requests.cut(); p99 > 0 {
				s.latency.Add(at, p99)
			}
			return false, nil
		}
	})
	<-spiked
	s.coldStarts = p.status().Counters.ColdStarts
	if err == nil {
		s.toIdle = time.Since(idleSince)
	}
	return s, err
}
