package functions_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/testsample"
)

// forEachKeyed runs a test for every function that accepts an Idempotency-Key.
func forEachKeyed(t *testing.T, test func(t *testing.T, k keyedFunction), options ...functiontest.Option) {
	t.Helper()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		if f.IdempotencyRule() == manifest.NoKey {
			return
		}
		k := keyedFunction{s, f, mustCreateCallerAs(t, s, f, auth.Owner)}
		requireSuccess(t, s.Do(t, k.newRequest(t, uuid.NewString()))) // creates what a caller's first request creates
		test(t, k)
	}, options...)
}

// TestKeyedInFlight repeats a request while the transaction of the first is blocked before
// its COMMIT. A repeated request that waited for the lock of the first would exceed its
// deadline.
func TestKeyedInFlight(t *testing.T) {
	t.Parallel()
	forEachKeyed(t, func(t *testing.T, k keyedFunction) {
		r := k.newRequest(t, uuid.NewString())
		dbtest.SetAll(t, k.s.DB, dbtest.PoolSize, "SET SESSION innodb_lock_wait_timeout = 600")
		reached, proceed := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(proceed) })
		var stopped atomic.Bool
		k.s.Statements.Set(func(statement string) dbtest.Fate {
			if statement == "COMMIT" && stopped.CompareAndSwap(false, true) {
				close(reached)
				<-proceed
			}
			return dbtest.Pass
		})
		defer k.s.Statements.Set(nil)
		first := make(chan functiontest.Response, 1)
		go func() {
			defer close(first) // also when Do ends this goroutine without a response
			first <- k.s.Do(t, r)
		}()
		defer func() {
			release()
			<-first
		}()
		<-reached
		again := k.s.Do(t, r)
		again.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		if again.Header.Get("Retry-After") == "" {
			t.Error("the response has no Retry-After")
		}
		release()
		response := <-first
		requireSuccess(t, response)
		requireReplay(t, response, k.s.Do(t, r))
	}, functiontest.WithProxy)
}

// TestKeyedCutOff closes the database connection of a request after its statements, and before and
// after its COMMIT. The repeated request then completes with the effect of one request, and its
// response is replayed. With -long it does so after each statement, otherwise after a sample of them.
func TestKeyedCutOff(t *testing.T) {
	t.Parallel()
	forEachKeyed(t, func(t *testing.T, k keyedFunction) {
		k.finish(t)
		r, before := k.newRequest(t, uuid.NewString()), mustReadState(t, k.s)
		var statements []string
		var mu sync.Mutex
		k.s.Statements.Set(func(statement string) dbtest.Fate {
			mu.Lock()
			defer mu.Unlock()
			statements = append(statements, statement)
			return dbtest.Pass
		})
		requireSuccess(t, k.s.Do(t, r))
		k.s.Statements.Set(nil)
		k.finish(t)
		now := mustReadState(t, k.s)
		effect := difference(before, now)
		if !strings.Contains(strings.Join(statements, "\n"), "\nCOMMIT") || maps.Equal(before.sums, now.sums) {
			t.Fatalf("the request runs %q, and its effect is %v", statements, effect)
		}
		var others []int
		for at, statement := range statements {
			if statement != "COMMIT" {
				others = append(others, at)
				continue
			}
			k.testCutOff(t, at, dbtest.CutBefore, effect)
			k.testCutOff(t, at, dbtest.CutAfter, effect)
		}
		for _, at := range testsample.Of(t, others, 3) {
			k.testCutOff(t, at, dbtest.CutAfter, effect)
		}
	}, functiontest.WithProxy)
}

// continuations has the functions that go on after their commit with requests to another system, by
// what goes on when that was interrupted: a schedule, as soon as the rows are due.
var continuations = map[string]struct{ schedule, makeDue string }{
	// The claim of an interrupted request ends, or the next step is due already.
	"refund-create": {"payment-reconcile", `UPDATE payment SET claimed_until = created_at, next_at = created_at WHERE next_at IS NOT NULL`},
}

// finish goes on with what requests have left to a schedule.
func (k keyedFunction) finish(t *testing.T) {
	t.Helper()
	if next, found := continuations[k.f.Name]; found {
		mustExecute(t, k.s, next.makeDue)
		k.s.Deliver(t, next.schedule, functiontest.NewEvent(t, next.schedule, object{})).MustBe(t, http.StatusNoContent)
	}
}

func (k keyedFunction) testCutOff(t *testing.T, at int, cut dbtest.Fate, effect map[string]int) {
	t.Helper()
	r, before := k.newRequest(t, uuid.NewString()), mustReadState(t, k.s)
	var n atomic.Int64
	k.s.Statements.Set(func(string) dbtest.Fate {
		if n.Add(1) == int64(at)+1 {
			return cut
		}
		return dbtest.Pass
	})
	first := k.s.Do(t, r)
	k.s.Statements.Set(nil)
	again := retryUntilFinal(t, k.s, r)
	requireSuccess(t, again)
	if first.Status/100 == 2 {
		first.Header.Set(idempotency.HeaderReplayed, "true")
		requireReplay(t, first, again)
	}
	requireReplay(t, again, k.s.Do(t, r))
	k.finish(t)
	after := difference(before, mustReadState(t, k.s))
	if diff := cmp.Diff(effect, after, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("cut off at statement %d: rows (-want +got):\n%s", at+1, diff)
	}
}

// TestKeyedPoolOfOne serves every function with one connection: a handler that used the
// pool within its transaction would deadlock.
func TestKeyedPoolOfOne(t *testing.T) {
	t.Parallel()
	forEachKeyed(t, func(t *testing.T, k keyedFunction) {
		var all sync.WaitGroup
		for range 2 {
			r := k.newRequest(t, uuid.NewString())
			for range 3 {
				all.Go(func() {
					if response := retryUntilFinal(t, k.s, r); response.Status/100 != 2 {
						t.Errorf("got %d: %s", response.Status, response.Body)
					}
				})
			}
			unkeyed := withKey(k.newRequest(t, ""), "")
			if k.f.IdempotencyRule() != manifest.KeyRequired {
				all.Go(func() {
					if response := retryUntilFinal(t, k.s, unkeyed); response.Status/100 != 2 {
						t.Errorf("without a key: %d: %s", response.Status, response.Body)
					}
				})
			}
		}
		all.Wait()
	}, functiontest.WithConnections(1))
}
