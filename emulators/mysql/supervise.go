package mysql

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxFailures is the number of consecutive failures to run or start a server after which
	// it is not restarted any more: its data or its program is damaged.
	maxFailures = 6
	// firstRestartDelay is the pause after the second failure in a row; it doubles.
	firstRestartDelay = 100 * time.Millisecond
	// healthyAfter is how long a server must have been ready for its end to reset the number
	// of failures.
	healthyAfter = time.Second
)

// supervisor restarts a server when its process ends. The port stays the same because the
// clients have it in their configuration.
type supervisor struct {
	in       *instance
	password string
	log      *slog.Logger

	// cancel ends the supervision, after which ended is closed. Until then, only the
	// supervision uses proc, the running process or nil.
	cancel context.CancelFunc
	ended  chan struct{}
	proc   *process

	// done is closed when the server has ended for good, after err is set.
	done   chan struct{}
	err    error
	ending sync.Once
}

func supervise(in *instance, proc *process, password string) *supervisor {
	ctx, cancel := context.WithCancel(context.Background())
	s := &supervisor{
		in: in, password: password, log: in.options.Logger, cancel: cancel,
		ended: make(chan struct{}), proc: proc, done: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	go s.run(ctx)
	return s
}

// run restarts the server until ctx is done or maxFailures is reached.
func (s *supervisor) run(ctx context.Context) {
	defer close(s.ended)
	failures, ready := 0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.proc.done:
		}
		if time.Since(ready) > healthyAfter {
			failures = 0
		}
		cause := fmt.Errorf("the database server %s ended (%s)", s.in.program, s.proc.result())
		s.proc = nil
		for ; s.proc == nil; failures++ {
			if failures == maxFailures {
				s.end(fmt.Errorf("not restarted after %d failures: %w", failures, cause))
				return
			}
			cause = s.restart(ctx, failures, cause)
			if ctx.Err() != nil {
				return
			}
		}
		ready = time.Now()
	}
}

// restart tries once to restart the server. Its error is the cause of the next attempt.
func (s *supervisor) restart(ctx context.Context, failures int, cause error) error {
	s.log.WarnContext(ctx, "restart the database server", "cause", cause, "failures", failures)
	pause := time.NewTimer(restartDelay(failures))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	begin := time.Now()
	proc, err := s.in.startOnPort(ctx, s.password)
	if err != nil {
		return err
	}
	s.proc = proc
	s.log.WarnContext(ctx, "restarted the database server", "pid", proc.pid, "took", time.Since(begin))
	return nil
}

// restartDelay returns no delay for the first failure, and a doubling one from the second.
func restartDelay(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return firstRestartDelay << (failures - 1)
}

// end marks the server as ended for good.
func (s *supervisor) end(cause error) {
	s.ending.Do(func() {
		s.err = cause
		close(s.done)
	})
}

// stop ends the supervision and the server. Further calls have no effect.
func (s *supervisor) stop(ctx context.Context) error {
	s.cancel()
	<-s.ended
	if s.proc != nil {
		if err := s.in.stop(ctx, s.proc); err != nil {
			return err
		}
	}
	s.end(nil)
	return nil
}
