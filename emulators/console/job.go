package console

import (
	"context"
	"fmt"
	"sync"
)

// job is a load or an experiment. One runs at a time, because each measures.
type job struct {
	mu     sync.Mutex
	name   string // empty while none runs
	cancel context.CancelFunc
}

// begin starts a job that runs until it ends, is stopped or the console is closed.
func (c *Console) begin(name string, run func(ctx context.Context)) error {
	c.job.mu.Lock()
	defer c.job.mu.Unlock()
	if c.job.name != "" {
		return fmt.Errorf("%w: %s is running: stop it or wait until it has ended", errInvalid, c.job.name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.job.name, c.job.cancel = name, cancel
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
			c.job.name = ""
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

// end stops the job that runs, and reports whether there is one.
func (c *Console) end() bool {
	c.job.mu.Lock()
	defer c.job.mu.Unlock()
	if c.job.name == "" {
		return false
	}
	c.job.cancel()
	return true
}
