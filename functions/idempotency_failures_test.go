package functions_test

import (
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
)

// forEachKeyed runs a test for every function that accepts an Idempotency-Key.
func forEachKeyed(t *testing.T, test func(t *testing.T, k keyedFunction), options ...functiontest.Option) {
	t.Helper()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		if f.IdempotencyRule() == manifest.NoKey {
			return
		}
		k := keyedFunction{s, f, mustCreateCallerAs(t, s, f, auth.Admin)}
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

// TestKeyedCutOff closes the database connection of a request after each of its
// statements, and before its COMMIT. The repeated request then completes with the effect
// of one request, and its response is replayed.
func TestKeyedCutOff(t *testing.T) {
	t.Parallel()
	forEachKeyed(t, func(t *testing.T, k keyedFunction) {
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
		effect := difference(before, mustReadState(t, k.s))
		if !strings.Contains(strings.Join(statements, "\n"), "\nCOMMIT") || len(effect) == 0 {
			t.Fatalf("the request runs %q, and its effect is %v", statements, effect)
		}
		for at, statement := range statements {
			k.testCutOff(t, at, dbtest.CutAfter, effect)
			if statement == "COMMIT" {
				k.testCutOff(t, at, dbtest.CutBefore, effect)
			}
		}
	}, functiontest.WithProxy)
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
	if diff := cmp.Diff(effect, difference(before, mustReadState(t, k.s)), cmpopts.EquateEmpty()); diff != "" {
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
