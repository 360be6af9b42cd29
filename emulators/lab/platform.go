package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"souk/emulators/cloudrun"
	"souk/emulators/pool"
	"souk/shared/manifest"
)

// labFunction is the function of the experiments, and its service.
const labFunction = "lab"

// platform is a local Cloud Run with the function of the experiments.
type platform struct {
	*cloudrun.Platform

	dir string
	url string
}

// platformOptions configures a platform.
type platformOptions struct {
	wait        time.Duration // of each request
	concurrency int
	min, max    int
	windows     cloudrun.Windows
	coldStart   time.Duration
	policy      pool.Policy
	slow        bool // one instance is
}

// startPlatform starts a platform in a temporary folder.
func (e *Env) startPlatform(ctx context.Context, o platformOptions) (*platform, error) {
	dir, err := os.MkdirTemp("", "souk-lab-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the platform: %w", err)
	}
	// The platform runs the program that has the name of the service.
	quoted := make([]string, len(e.Instance))
	for i, word := range e.Instance {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	script := "#!/bin/sh\nexec " + strings.Join(quoted, " ") + "\n"
	if err := os.WriteFile(filepath.Join(dir, labFunction), []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
		return nil, errors.Join(fmt.Errorf("write the program of the function: %w", err), os.RemoveAll(dir))
	}
	list := &manifest.Manifest{
		Functions: []manifest.Function{{Name: labFunction, Service: labFunction, HTTP: "GET /", Access: manifest.Anyone, Database: manifest.NoDatabase}},
		Scaling: map[manifest.Granularity]map[manifest.Kind]manifest.Scaling{manifest.PerFunction: {manifest.KindHTTP: {
			Concurrency: o.concurrency, MinInstances: o.min, MaxInstances: o.max, CPU: "1", Memory: "256Mi", Pool: 1,
		}}},
	}
	p, err := cloudrun.Start(ctx, cloudrun.Options{
		Manifest: list, BinDir: dir, Windows: o.windows, ColdStart: o.coldStart, Policy: o.policy,
		Env: func(manifest.Function) []string {
			environment := []string{waitVariable + "=" + o.wait.String()}
			if o.slow {
				environment = append(environment, slowVariable+"="+filepath.Join(dir, "slow"))
			}
			return environment
		},
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &platform{Platform: p, dir: dir, url: p.URL(labFunction)}, nil
}

func (p *platform) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(p.Stop(ctx), os.RemoveAll(p.dir))
}

// status returns the state of the function.
func (p *platform) status() cloudrun.Status { return p.Services()[0] }

// serving returns the number of instances that serve.
func (p *platform) serving() int {
	n := 0
	for _, instance := range p.status().Instances {
		if instance.State == cloudrun.StateServing {
			n++
		}
	}
	return n
}

// requests are the results of requests to the function.
type requests struct {
	mu        sync.Mutex
	ok        int
	failed    map[int]int // by status; 0 is none
	latencies *hdrhistogram.Histogram
	// recent are those since the last call of cut.
	recent *hdrhistogram.Histogram
}

func newRequests() *requests {
	return &requests{
		failed: map[int]int{}, latencies: hdrhistogram.New(1, time.Minute.Microseconds(), 3), recent: hdrhistogram.New(1, time.Minute.Microseconds(), 3),
	}
}

// send sends requests of a number of clients one after the other for a time.
func (r *requests) send(ctx context.Context, url string, clients int, duration time.Duration) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var sending sync.WaitGroup
	for end := time.Now().Add(duration); clients > 0; clients-- {
		sending.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				r.sendOne(ctx, client, url)
			}
		})
	}
	sending.Wait()
}

func (r *requests) sendOne(ctx context.Context, client *http.Client, url string) {
	begin, status := time.Now(), 0
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/", http.NoBody)
	if err == nil {
		var response *http.Response
		if response, err = client.Do(request); err == nil {
			status, err = response.StatusCode, response.Body.Close()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || status != http.StatusOK {
		r.failed[status]++
		return
	}
	r.ok++
	took := min(max(time.Since(begin).Microseconds(), 1), time.Minute.Microseconds())
	_ = r.latencies.RecordValue(took) // within its bounds
	_ = r.recent.RecordValue(took)
}

// cut returns the p99 in ms of the requests since the last call.
func (r *requests) cut() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	p99 := float64(r.recent.ValueAtQuantile(99)) / 1000
	r.recent.Reset()
	return p99
}

func (r *requests) quantile(q float64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return float64(r.latencies.ValueAtQuantile(q)) / 1000
}

// lost returns the number of requests that failed.
func (r *requests) lost() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, count := range r.failed {
		n += count
	}
	return n
}
