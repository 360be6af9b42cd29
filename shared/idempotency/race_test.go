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

// sendUntilFinal sends a request until its first attempt is no longer in flight.
func (h *fixture) sendUntilFinal(t *testing.T, s testRequest) (response functiontest.Response) {
	t.Helper()
	h.waitUntil(t, "the request has its response", func() bool {
		response = h.send(t, s)
		if response.Status != http.StatusConflict {
			return true
		}
		response.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		if response.Header.Get("Retry-After") == "" {
			t.Error("a response of an attempt in flight has no Retry-After")
		}
		return false
	})
	return response
}

// sendAndDisconnect sends a request and disconnects after some time, possibly in the middle
// of the response.
func (h *fixture) sendAndDisconnect(t *testing.T, s testRequest, after time.Duration) {
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
	h := open(t, (*fixture).create)
	const rounds, sends = 10, 50
	for range rounds {
		s := newTestRequest()
		responses := make([]functiontest.Response, sends)
		var all sync.WaitGroup
		for i := range sends {
			all.Go(func() {
				if i%3 == 0 {
					h.sendAndDisconnect(t, s, time.Duration(i)*200*time.Microsecond)
				}
				responses[i] = h.sendUntilFinal(t, s)
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		requireReplays(t, responses)
	}
	h.requireEffects(t, rounds)
}

// slowOperation is an operation that blocks once, in its transaction after its effect.
type slowOperation struct {
	stopped          atomic.Bool
	once             sync.Once
	reached, proceed chan struct{}
}

//nolint:revive // the order of a method expression of fixture
func (s *slowOperation) run(h *fixture, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error) {
	response, err := h.create(ctx, tx, r)
	if s.stopped.CompareAndSwap(false, true) {
		close(s.reached)
		<-s.proceed
	}
	return response, err
}

// release lets the operation continue.
func (s *slowOperation) release() { s.once.Do(func() { close(s.proceed) }) }

// begin sends a request that blocks in its operation, and returns a channel with its response.
func (s *slowOperation) begin(t *testing.T, h *fixture, request testRequest) <-chan functiontest.Response {
	t.Helper()
	t.Cleanup(s.release) // before the server waits for it
	responses := make(chan functiontest.Response, 1)
	go func() {
		defer close(responses) // also when a failed test ends this goroutine without a response
		responses <- h.send(t, request)
	}()
	select {
	case <-s.reached:
	case response, ok := <-responses:
		t.Fatalf("the operation was not reached: %t, %d %s", ok, response.Status, response.Body)
	}
	return responses
}

func openSlow(t *testing.T) (*slowOperation, *fixture) {
	t.Helper()
	s := &slowOperation{reached: make(chan struct{}), proceed: make(chan struct{})}
	return s, open(t, s.run)
}

// TestInFlight retries a request while its first attempt has inserted its row and is
// blocked. A retry that waited for the row would exceed the deadline of the attempt,
// because the row is locked until the test releases it.
func TestInFlight(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t)
	dbtest.SetAll(t, h.db, dbtest.PoolSize, "SET SESSION innodb_lock_wait_timeout = 600")
	s := newTestRequest()
	responses := slow.begin(t, h, s)
	other := s
	other.body = "{}"
	for _, again := range []testRequest{s, other} {
		response := h.send(t, again)
		response.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		if response.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", response.Header.Get("Retry-After"))
		}
	}
	slow.release()
	requireReplay(t, (<-responses).MustBe(t, http.StatusCreated), h.send(t, s))
	h.send(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	h.requireEffects(t, 1)
}

// TestInsertRace lets a second attempt pass the locking read before the first inserts.
func TestInsertRace(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t)
	s := newTestRequest()
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
	requireReplay(t, (<-responses).MustBe(t, http.StatusCreated), h.sendUntilFinal(t, s))
	h.requireEffects(t, 1)
}

// TestClientDisconnects disconnects the client of an attempt. The attempt continues, and
// the client retries the request.
func TestClientDisconnects(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t)
	s := newTestRequest()
	disconnected := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(slow.release)
	go func() {
		defer close(disconnected)
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
	<-disconnected
	slow.release()
	if response := h.sendUntilFinal(t, s).MustBe(t, http.StatusCreated); response.Header.Get(idempotency.HeaderReplayed) != "true" {
		t.Error("there was a second effect")
	}
	h.requireEffects(t, 1)
}
