package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/lab/chart"
	"souk/emulators/pool"
)

var balance = Experiment{
	Name:  "balance",
	Title: "Load balancing",
	Hypothesis: `Instances share the requests, and more instances serve more. If one is slow, round robin sends it as many as the others and waits for it; ` +
		`least requests sends it fewer. If one is killed, the others take over and no request is lost.`,
	Settings: []Setting{
		{"the load balancer's backend: Cloud Run chooses the instance", "terraform/load_balancer.tf", `resource "google_compute_region_network_endpoint_group" "run"`},
		{"requests at the same time in one instance", "terraform/cloud_run.tf", "max_instance_request_concurrency = each.value.scaling.concurrency"},
		{"when an unresponsive instance is replaced", "terraform/cloud_run.tf", "liveness_probe {"},
	},
	run: runBalance,
}

const (
	balanceClients     = 16
	balanceConcurrency = 8
	balanceWait        = 20 * time.Millisecond
)

// balanceResult is what was seen of one case.
type balanceResult struct {
	requests *requests
	counts   []int64 // requests by instance, the most first
	seconds  float64
}

func runBalance(ctx context.Context, e *Env, r *Report) error {
	table := Table{
		Title:   fmt.Sprintf("%d clients, 20 ms of waiting per request, concurrency %d", balanceClients, balanceConcurrency),
		Columns: []string{"case", "requests a second", "p50 ms", "p99 ms", "lost", "requests by instance"},
	}
	add := func(name string, b balanceResult) float64 {
		rate := float64(b.requests.ok) / b.seconds
		table.Add(name, fmt.Sprintf("%.0f", rate), milli(b.requests.quantile(50)), milli(b.requests.quantile(99)), b.requests.lost(), fmt.Sprint(b.counts))
		r.count(b.requests.lost() == 0, "%s: no request is lost of %d", name, b.requests.ok)
		return rate
	}
	throughput, categories := chart.Series{Name: "requests a second"}, []string{}
	for _, n := range pick(e, []int{1, 2, 4}, []int{2}) {
		name := fmt.Sprintf("%d instances", n)
		result, err := balanced(ctx, e, n, pool.LeastRequestsInTurn, false, false)
		if err != nil {
			return err
		}
		categories, throughput.Y = append(categories, name), append(throughput.Y, add(name, result))
		r.count(len(result.counts) == n && slices.Min(result.counts) > 0, "%s: each serves requests: %v", name, result.counts)
	}
	var slow []balanceResult
	shares := chart.Series{Name: "share of the slow instance"}
	policies := []string{"round robin", "least requests"}
	for i, policy := range []pool.Policy{pool.RoundRobin, pool.LeastRequestsInTurn} {
		result, err := balanced(ctx, e, 4, policy, true, false)
		if err != nil {
			return err
		}
		add("4 instances, one 10 times slower, "+policies[i], result)
		slow = append(slow, result)
		shares.Y = append(shares.Y, 100*float64(slices.Min(result.counts))/max(float64(result.requests.ok), 1))
	}
	killed, err := balanced(ctx, e, 4, pool.LeastRequestsInTurn, false, true)
	if err != nil {
		return err
	}
	add("4 instances, one killed", killed)
	r.find("An instance killed under load cost no client a request: a request that it had not begun to respond to went to another instance, and a new one started.")
	r.Tables = append(r.Tables, table)
	r.Charts = append(r.Charts, balanceCharts(categories, policies, throughput, shares)...)
	robin, least := slow[0], slow[1]
	r.compare(least.requests.ok > robin.requests.ok, "with a slow instance, least requests serves more than round robin: %d against %d", least.requests.ok, robin.requests.ok)
	r.find("With one slow instance of four, round robin served %d requests and sent %.0f %% of them to it; least requests served %d and sent %.0f %%.",
		robin.requests.ok, shares.Y[0], least.requests.ok, shares.Y[1])
	return nil
}

// balanceCharts returns the charts of the experiment.
func balanceCharts(categories, policies []string, throughput, shares chart.Series) []chart.Chart {
	return []chart.Chart{{
		Name: "balance-throughput", Title: "Requests a second, by instances",
		Description: "Throughput grows with the instances until the clients are the limit.",
		YLabel:      "requests/s", Categories: categories, Series: []chart.Series{throughput},
	}, {
		Name: "balance-slow", Title: "What a slow instance of four gets",
		Description: "Round robin sends more requests to the slow instance than least requests does.",
		YLabel:      "% of requests", Categories: policies, Series: []chart.Series{shares},
	}}
}

// balanced sends requests to a fixed number of instances.
func balanced(ctx context.Context, e *Env, n int, policy pool.Policy, slow, kill bool) (b balanceResult, err error) {
	e.progress("%d instances, policy %d, slow %t, kill %t", n, policy, slow, kill)
	p, err := e.startPlatform(ctx, platformOptions{
		wait: balanceWait, concurrency: balanceConcurrency, min: n, max: n, policy: policy, slow: slow,
		windows: cloudrun.Windows{CPU: time.Minute, Concurrency: time.Minute, Idle: time.Minute, Tick: 250 * time.Millisecond},
	})
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	if err := until(ctx, time.Minute, "all instances serve", func() (bool, error) { return p.serving() == n, nil }); err != nil {
		return b, err
	}
	b.requests = newRequests()
	begin, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		b.requests.send(ctx, p.url, balanceClients, pick(e, 4*time.Second, time.Second))
	}()
	if kill {
		err = until(ctx, time.Minute, "requests are served", func() (bool, error) { return p.status().Counters.Requests > 50, nil })
		if err == nil {
			err = syscall.Kill(p.status().Instances[0].PID, syscall.SIGKILL)
		}
	}
	<-done
	b.seconds = time.Since(begin).Seconds()
	for _, instance := range p.status().Instances {
		b.counts = append(b.counts, instance.Requests)
	}
	slices.Sort(b.counts)
	slices.Reverse(b.counts)
	return b, err
}
