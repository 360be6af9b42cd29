package idempotency_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// mustInsist sends a request until it has an response that is not "not yet".
func (h *house) mustInsist(t *testing.T, s send) (response functiontest.Response) {
	t.Helper()
	h.mustBecome(t, "the request has its response", func() bool {
		response = h.send(t, s)
		if response.Status != http.StatusConflict {
			return true
		}
		response.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		if response.Header.Get("Retry-After") == "" {
			t.Error("an response that is not there yet does not say when to come again")
		}
		return false
	})
	return response
}

// cutOff sends a request and leaves some time after, in the middle of its response
// if that is how it comes.
func (h *house) cutOff(t *testing.T, s send, after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+s.path, strings.NewReader(s.body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+s.caller)
	r.Header.Set(idempotency.HeaderKey, s.key)
	if response, err := http.DefaultClient.Do(r); err == nil {
		_ = response.Body.Close() // without reading it
	}
}

func TestParallelSends(t *testing.T) {
	t.Parallel()
	h := open(t, (*house).create)
	const rounds, sends = 10, 50
	for range rounds {
		s := newSend()
		responses := make([]functiontest.Response, sends)
		var all sync.WaitGroup
		for i := range sends {
			all.Go(func() {
				if i%3 == 0 {
					h.cutOff(t, s, time.Duration(i)*200*time.Microsecond)
				}
				responses[i] = h.mustInsist(t, s)
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		mustReplayAll(t, responses)
	}
	h.mustHaveEffects(t, rounds)
}

// slow is an operation that stops, once, in its transaction, after its effect.
type slow struct {
	stopped          atomic.Bool
	once             sync.Once
	reached, proceed chan struct{}
}

//nolint:revive // the order of a method expression of house
func (s *slow) do(h *house, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error) {
	response, err := h.create(ctx, tx, r)
	if s.stopped.CompareAndSwap(false, true) {
		close(s.reached)
		<-s.proceed
	}
	return response, err
}

// release lets the operation go on.
func (s *slow) release() { s.once.Do(func() { close(s.proceed) }) }

// begin sends a request that stops in its operation, and returns its response later.
func (s *slow) begin(t *testing.T, h *house, request send) <-chan functiontest.Response {
	t.Helper()
	t.Cleanup(s.release) // before the server waits for it
	responses := make(chan functiontest.Response, 1)
	go func() {
		defer close(responses) // also when Do ends this goroutine without a response
		responses <- h.send(t, request)
	}()
	select {
	case <-s.reached:
	case response, ok := <-responses:
		t.Fatalf("the operation was not reached: %t, %d %s", ok, response.Status, response.Body)
	}
	return responses
}

func openSlow(t *testing.T) (*slow, *house) {
	t.Helper()
	s := &slow{reached: make(chan struct{}), proceed: make(chan struct{})}
	return s, open(t, s.do)
}

// TestInFlight sends a request again while its first attempt has inserted its row and
// cannot go on. A send that waited for the row would run into the deadline of the
// attempt, for the lock is held until the test releases it.
func TestInFlight(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t)
	dbtest.SetAll(t, h.db, dbtest.PoolSize, "SET SESSION innodb_lock_wait_timeout = 600")
	s := newSend()
	responses := slow.begin(t, h, s)
	other := s
	other.body = "{}"
	for _, again := range []send{s, other} {
		response := h.send(t, again)
		response.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		if response.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", response.Header.Get("Retry-After"))
		}
	}
	slow.release()
	mustReplay(t, (<-responses).MustBe(t, http.StatusCreated), h.send(t, s))
	h.send(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	h.mustHaveEffects(t, 1)
}

// TestInsertRace has a second send pass the locking read before the first inserts.
func TestInsertRace(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t)
	s := newSend()
	var inserts atomic.Int32
	second, proceed := make(chan struct{}), make(chan struct{})
	h.statements.Set(func(statement string) dbtest.Fate {
		if strings.Contains(statement, "INSERT INTO idempotency_key") && inserts.Add(1) == 1 {
			close(second)
			<-proceed
		}
		return dbtest.Pass
	})
	late := make(chan functiontest.Response, 1)
	go func() {
		defer close(late)
		late <- h.send(t, s)
	}()
	<-second
	responses := slow.begin(t, h, s)
	close(proceed)
	(<-late).MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
	slow.release()
	mustReplay(t, (<-responses).MustBe(t, http.StatusCreated), h.mustInsist(t, s))
	h.mustHaveEffects(t, 1)
}

// TestClientLeaves has the client of an attempt leave. The attempt goes on, for the
// client to send the request again.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t)
	s := newSend()
	left := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(slow.release)
	go func() {
		defer close(left)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+s.path, strings.NewReader(s.body))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Authorization", "Bearer "+s.caller)
		r.Header.Set(idempotency.HeaderKey, s.key)
		if response, err := http.DefaultClient.Do(r); err == nil {
			_ = response.Body.Close()
			t.Error("the client got a response")
		}
	}()
	<-slow.reached
	cancel()
	<-left
	slow.release()
	if response := h.mustInsist(t, s).MustBe(t, http.StatusCreated); response.Header.Get(idempotency.HeaderReplayed) != "true" {
		t.Error("there was a second effect")
	}
	h.mustHaveEffects(t, 1)
}
