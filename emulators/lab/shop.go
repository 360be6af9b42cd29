package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"

	"souk/emulators/load"
	"souk/emulators/local"
	"souk/emulators/mysql"
	"souk/functions"
	"souk/shared/database"
)

// stopTimeout bounds the stop of a system.
const stopTimeout = 30 * time.Second

// shop is a complete system of an experiment.
type shop struct {
	*local.System

	env    *Env
	dir    string
	status local.Status
}

// startShop starts a system in a temporary folder. Change changes its options.
func (e *Env) startShop(ctx context.Context, change func(*local.Options)) (*shop, error) {
	dir, err := os.MkdirTemp("", "souk-lab-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the system: %w", err)
	}
	options := local.Options{Manifest: functions.Manifest(), StateDir: dir, BinDir: e.Programs, DatabaseURL: e.DatabaseURL}
	change(&options)
	system, err := local.Start(ctx, options)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	e.progress("the shop runs in %s", dir)
	return &shop{System: system, env: e, dir: dir, status: system.Status()}, nil
}

// close stops the system and deletes its data. Requests in progress are aborted when ctx is
// done.
func (s *shop) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return errors.Join(s.Stop(ctx), os.RemoveAll(s.dir))
}

// auditTimeout bounds the wait until the last events have reached their consumers: that of the
// archived products may wait for the outbox's sweep, once a minute.
const auditTimeout = 90 * time.Second

// audit adds the check of the shop's data to a report.
func (s *shop) audit(ctx context.Context, r *Report) error {
	deadline := time.Now().Add(auditTimeout)
	for {
		findings, err := s.env.Audit(ctx, s.status)
		if err != nil {
			return err
		}
		if findings == "" || time.Now().After(deadline) {
			r.count(findings == "", "souk audit finds nothing%s", findings)
			return nil
		}
		if err := gax.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// sweep publishes the events of the outboxes every two seconds instead of once a minute, until
// ctx is done.
func (s *shop) sweep(ctx context.Context) error {
	for gax.Sleep(ctx, 2*time.Second) == nil {
		for _, service := range functions.Manifest().Services() {
			// Ticks are lost while the broker is down, as the schedule's are.
			if err := s.RunSchedule(ctx, service+"-outbox"); err != nil && ctx.Err() == nil {
				s.env.progress("%s-outbox: %v", service, err)
			}
		}
	}
	return nil
}

// open returns the database of a service. The caller must close it.
func (s *shop) open(service string) (*database.DB, error) {
	url, err := mysql.DatabaseURL(database.URL(s.status.Database.DSN), s.status.Database.Names[service])
	if err != nil {
		return nil, err
	}
	return database.Open(database.Config{URL: url})
}

// drive is a load in the background.
type drive struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	begin   time.Time

	mu        sync.Mutex
	snapshots []load.Snapshot
	result    load.Result
	err       error
}

// drive starts a load on the shop, through a gateway's URL. When ctx is done it ends at once:
// what it waits for may be down.
func (s *shop) drive(ctx context.Context, options load.Options, gateway string) *drive {
	options.Abort = ctx.Done()
	ctx, cancel := context.WithCancel(ctx)
	d := &drive{cancel: cancel, begin: time.Now()}
	options.Target = load.Target{
		Gateway: gateway, Email: s.status.Admin.Email, Password: s.status.Admin.Password, Customers: s.Customers,
	}
	options.Progress = func(snapshot load.Snapshot) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.snapshots) == 0 {
			d.begin = time.Now().Add(-seconds(snapshot.ElapsedSeconds))
		}
		d.snapshots = append(d.snapshots, snapshot)
	}
	d.running.Go(func() {
		result, err := load.Run(ctx, options)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.result, d.err = result, err
	})
	return d
}

// stop ends the load early, waits until its orders are decided and returns its result.
func (d *drive) stop() (load.Result, []load.Snapshot, error) {
	d.cancel()
	return d.wait()
}

// wait waits until the load has ended.
func (d *drive) wait() (load.Result, []load.Snapshot, error) {
	d.running.Wait()
	d.cancel()
	return d.result, d.snapshots, d.err
}

// last returns the last state of the load.
func (d *drive) last() load.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.snapshots) == 0 {
		return load.Snapshot{}
	}
	return d.snapshots[len(d.snapshots)-1]
}

// elapsed returns the seconds since the first visit.
func (d *drive) elapsed() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Since(d.begin).Seconds()
}

// undecided returns the number of placed orders that are not decided.
func undecided(o load.Orders) int64 { return o.Placed - o.Confirmed - o.Rejected }

// addsUp adds the check of a load's stock to a report.
func (r *Report) addsUp(result load.Result) {
	r.count(result.AddsUp(), "no order is lost and no unit is oversold: %d orders placed, %d confirmed, %d rejected%s",
		result.Orders.Placed, result.Orders.Confirmed, result.Orders.Rejected, listed(result.Problems))
}

// listed returns problems as the end of a sentence, "" for none.
func listed(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	return "; " + strings.Join(problems, "; ")
}

// until polls a condition until it holds, with a bound.
func until(ctx context.Context, bound time.Duration, what string, condition func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	for {
		ok, err := condition()
		if ok || err != nil {
			return err
		}
		if gax.Sleep(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("after %s it is still not true that %s", bound, what)
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
