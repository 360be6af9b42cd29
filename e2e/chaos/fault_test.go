package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"souk/functions/fixtures"
)

// workflow lists the functions that process orders. Four of five kills are of one of
// them.
var workflow = []string{
	"order-place", "stock-reserve", "order-confirm", "order-reject", "order-cancel", "stock-release", "stock-ship", "stock-adjust", "order-outbox", "product-outbox",
	"payment-request", "payment-webhook", "payment-capture", "payment-void", "payment-reconcile", "payment-outbox", "refund-create",
	"invoice-draft", "invoice-issue", "credit-note-issue", "order-payment-failed", "order-expire",
}

// injector injects faults at random moments of the campaign.
type injector struct {
	t        *testing.T
	s        *system
	random   *rand.Rand
	plan     []planned
	counts   map[string]int
	missed   map[string]int
	stops    int            // processes that were suspended
	lasting  sync.WaitGroup // faults with an end of their own
	finished atomic.Bool
	ended    time.Time // when the last fault ended
}

// planned is a fault that is injected when a fraction of the orders is acknowledged.
type planned struct {
	at    float64
	kind  string
	apply func() error
}

func newInjector(t *testing.T, s *system, random *rand.Rand) *injector {
	i := &injector{t: t, s: s, random: random, counts: map[string]int{}, missed: map[string]int{}}
	for _, f := range []struct {
		kind  string
		count int
		apply func() error
	}{
		{"function killed", *functionKills, i.killFunction},
		{"function suspended", *functionStops, i.stopFunction},
		{"database killed", *databaseKills, i.killDatabase},
		{"database suspended", *databaseStops, i.stopDatabase},
		{"system killed", *systemKills, i.s.kill},
		{"connections cut", *connectionKills, i.cutConnections},
		{"rows locked", *rowLocks, i.lockRows},
		{"provider killed", *providerKills, func() error { return i.s.provider.kill(i.pause()) }},
		{"provider suspended", *providerStops, func() error { return i.s.provider.suspend(i.pause()) }},
		{"fault of the provider", *providerFaults, i.failProvider},
	} {
		for n := range f.count {
			at := 0.02 + 0.96*(float64(n)+random.Float64())/float64(f.count)
			i.plan = append(i.plan, planned{at, f.kind, f.apply})
		}
	}
	slices.SortFunc(i.plan, func(a, b planned) int { return int(1e6 * (a.at - b.at)) })
	return i
}

// done reports whether every fault has been injected.
func (i *injector) done() bool { return i.finished.Load() }

func (i *injector) run(progress func() float64) {
	for _, fault := range i.plan {
		for progress() < fault.at {
			time.Sleep(5 * time.Millisecond)
		}
		// A victim may be missing while it restarts after a kill.
		err := fault.apply()
		for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
			err = fault.apply()
		}
		if err != nil {
			i.missed[fault.kind]++
			i.t.Errorf("%s: %v", fault.kind, err)
			continue
		}
		i.counts[fault.kind]++
	}
	i.lasting.Wait()
	i.ended = time.Now()
	i.finished.Store(true)
}

func (i *injector) String() string {
	var parts []string
	for kind, count := range i.counts {
		parts = append(parts, fmt.Sprintf("%s %d", kind, count))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// requireAllInjected requires that every planned fault was injected.
func (i *injector) requireAllInjected(t *testing.T) {
	t.Helper()
	total := 0
	for kind, count := range i.counts {
		if !strings.HasPrefix(kind, "provider: ") { // a kind of those that are counted already
			total += count
		}
	}
	if total != len(i.plan) {
		t.Errorf("%d of %d faults were injected: %v are missing", total, len(i.plan), i.missed)
	}
}

var errNoVictim = errors.New("no such process is running")

// victim returns the process of a random function, usually of one in the workflow.
func (i *injector) victim() (process, error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	functions, _ := i.s.processes()
	if i.random.IntN(5) > 0 {
		functions = slices.DeleteFunc(functions, func(p process) bool { return !slices.Contains(workflow, p.function) })
	}
	if len(functions) == 0 {
		return process{}, errNoVictim
	}
	return functions[i.random.IntN(len(functions))], nil
}

func (i *injector) killFunction() error {
	victim, err := i.victim()
	if err != nil {
		return err
	}
	return syscall.Kill(victim.pid, syscall.SIGKILL)
}

// stopFunction suspends a process. Every second one is resumed after a pause; the others
// hang until the platform replaces them.
func (i *injector) stopFunction() error {
	victim, err := i.victim()
	if err != nil {
		return err
	}
	if err := syscall.Kill(victim.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	pause, resume := i.pause(), i.stops%2 == 0
	i.stops++
	i.lasting.Go(func() {
		time.Sleep(pause)
		if resume {
			_ = syscall.Kill(victim.pid, syscall.SIGCONT) // it may have been replaced
			return
		}
		for deadline := time.Now().Add(startTimeout); syscall.Kill(victim.pid, 0) == nil; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				i.t.Errorf("%s hangs and was not replaced within %s", victim.function, startTimeout)
				return
			}
		}
	})
	return nil
}

// failProvider injects faults of the next requests to the provider, or of its next callbacks.
func (i *injector) failProvider() error {
	operation, kinds := "callback", []string{"duplicate", "reorder", "lose", "delay"}
	if i.random.IntN(3) > 0 {
		operation = []string{"create", "get", "list", "capture", "void", "refund", "any", "pay"}[i.random.IntN(8)]
		kinds = []string{"slow", "timeout_before", "timeout_after", "error_before", "error_after", "callback_first"}
	}
	kind := kinds[i.random.IntN(len(kinds))]
	i.counts["provider: "+kind]++
	return i.s.provider.inject(fixtures.Object{
		"operation": operation, "kind": kind, "count": 1 + i.random.IntN(3), "delayMillis": 1 + i.random.IntN(2*int(providerTimeout.Milliseconds())),
	})
}

// pause returns a random duration of a fault.
func (i *injector) pause() time.Duration {
	return 200*time.Millisecond + time.Duration(i.random.IntN(2000))*time.Millisecond
}

func (i *injector) databaseServer() (pid int, err error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	if _, pid = i.s.processes(); pid == 0 {
		return 0, errNoVictim
	}
	return pid, nil
}

// killDatabase kills the server, and returns when another one is running.
func (i *injector) killDatabase() error {
	pid, err := i.databaseServer()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(50 * time.Millisecond) {
		if current, err := i.databaseServer(); err == nil && current != pid {
			return nil
		}
		if time.Now().After(deadline) {
			i.t.Errorf("the database server was not restarted within %s", startTimeout)
			return nil
		}
	}
}

func (i *injector) stopDatabase() error {
	pid, err := i.databaseServer()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(i.pause())
	return syscall.Kill(pid, syscall.SIGCONT)
}

// onServer calls f with a connection to the database server.
func (i *injector) onServer(f func(ctx context.Context, conn *sql.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	db, err := openDatabase(i.s.status.Database.DSN, "")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(ctx, conn)
}

// cutConnections closes up to five connections of functions.
func (i *injector) cutConnections() error {
	return i.onServer(func(ctx context.Context, conn *sql.Conn) error {
		ids, err := column[int64](ctx, conn, `
			SELECT id FROM information_schema.processlist
			WHERE db IS NOT NULL AND id <> CONNECTION_ID() ORDER BY RAND() LIMIT 5`)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return errNoVictim
		}
		for _, id := range ids {
			if _, err := conn.ExecContext(ctx, fmt.Sprintf("KILL %d", id)); err != nil && !strings.Contains(err.Error(), "Unknown thread") {
				return err
			}
		}
		return nil
	})
}

// lockRows locks several products and orders for a pause, as a slow client would.
func (i *injector) lockRows() error {
	pause := i.pause()
	return i.onServer(func(ctx context.Context, conn *sql.Conn) error {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		names := i.s.status.Database.Names
		for _, query := range []string{
			"SELECT id FROM `" + names["product"] + "`.product ORDER BY id LIMIT 3 FOR UPDATE",
			"SELECT id FROM `" + names["order"] + "`.orders ORDER BY id DESC LIMIT 3 FOR UPDATE",
		} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return err
			}
		}
		time.Sleep(pause)
		return nil
	})
}
