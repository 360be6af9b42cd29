package console

import (
	"context"
	"fmt"
	"sync"
)

// The kinds of jobs. The name of a job begins with its kind.
const (
	loadJob       = "load"
	experimentJob = "experiment"
)

// job is a load or an experiment. One runs at a time, because each measures.
type job struct {
	mu sync.Mutex
	// kind and name are empty while none runs.
	kind, name string

	cancel context.CancelFunc
}

// begin starts a job that runs until it ends, is stopped or the console is closed.
func (c *Console) begin(kind, name string, run func(ctx context.Context)) error {
	c.job.mu.Lock()
	defer c.job.mu.Unlock()
	if c.job.name != "" {
		return fmt.Errorf("%w: %s is running: stop it or wait until it has ended", errInvalid, c.job.name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.job.kind, c.job.name, c.job.cancel = kind, kind+" "+name, cancel
	c.work.Go(func() {
		select {
		case <-c.closed:
			cancel()
		case <-ctx.Done():
		}
	})
	c.work.Go(func() {
		defer func() {
			c.job.mu.Lock()
			defer c.job.mu.Unlock()
			cancel()
			c.job.kind, c.job.name = "", ""
		}()
		run(ctx)
	})
	return nil
}

// running returns the name of the job that runs, "" for none.
func (c *Console) running() string {
	c.job.mu.Lock()
	defer c.job.mu.Unlock()
	return c.job.name
}

// end stops the job of a kind that runs, and reports whether there is one.
func (c *Console) end(kind string) bool {
	c.job.mu.Lock()
	defer c.job.mu.Unlock()
	if c.job.kind != kind {
		return false
	}
	c.job.cancel()
	return true
}
