package idempotency_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// mustInsist sends a request until it has an answer that is not "not yet".
func (h *house) mustInsist(t *testing.T, s send) (answer functiontest.Response) {
	t.Helper()
	mustBecome(t, "the request has its answer", func() bool {
		answer = h.send(t, s)
		if answer.Status != http.StatusConflict {
			return true
		}
		answer.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		if answer.Header.Get("Retry-After") == "" {
			t.Error("an answer that is not there yet does not say when to come again")
		}
		return false
	})
	return answer
}

// cutOff sends a request and leaves some time after, in the middle of its answer
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
	if answer, err := http.DefaultClient.Do(r); err == nil {
		_ = answer.Body.Close() // without reading it
	}
}

func TestParallelSends(t *testing.T) {
	t.Parallel()
	h := open(t, (*house).make)
	const rounds, sends = 10, 50
	for range rounds {
		s := newSend()
		answers := make([]functiontest.Response, sends)
		var all sync.WaitGroup
		for i := range sends {
			all.Go(func() {
				if i%3 == 0 {
					h.cutOff(t, s, time.Duration(i)*200*time.Microsecond)
				}
				answers[i] = h.mustInsist(t, s)
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		firsts := 0
		for i := range answers {
			answers[i].MustBe(t, http.StatusCreated)
			if answers[i].Header.Get(idempotency.HeaderReplayed) == "" {
				firsts++
				answers[i].Header.Set(idempotency.HeaderReplayed, "true")
			}
			mustReplay(t, answers[0], answers[i])
		}
		if firsts > 1 {
			t.Errorf("%d answers are not replays", firsts)
		}
	}
	h.mustHaveEffects(t, rounds)
}

// slow is an operation that stops, once, before or after its effect.
type slow struct {
	before, after    bool
	stopped          atomic.Bool
	goOn             sync.Once
	reached, proceed chan struct{}
}

func (s *slow) do(h *house, w http.ResponseWriter, r *http.Request) error {
	first := s.stopped.CompareAndSwap(false, true)
	stop := func(here bool) {
		if first && here {
			close(s.reached)
			<-s.proceed
		}
	}
	stop(s.before)
	err := h.make(w, r)
	stop(s.after)
	return err
}

// goes lets the operation go on.
func (s *slow) goes() { s.goOn.Do(func() { close(s.proceed) }) }

// begin sends a request that stops in its operation, and returns its answer later.
func (s *slow) begin(t *testing.T, h *house, request send) <-chan functiontest.Response {
	t.Helper()
	t.Cleanup(s.goes) // before the server waits for it
	answers := make(chan functiontest.Response, 1)
	go func() {
		defer close(answers) // also when Do ends this goroutine, having got no answer
		answers <- h.send(t, request)
	}()
	select {
	case <-s.reached:
	case answer, ok := <-answers:
		t.Fatalf("the operation was not reached: %t, %d %s", ok, answer.Status, answer.Body)
	}
	return answers
}

func openSlow(t *testing.T, before, after bool) (*slow, *house) {
	t.Helper()
	s := &slow{before: before, after: after, reached: make(chan struct{}), proceed: make(chan struct{})}
	return s, open(t, s.do)
}

func TestInFlight(t *testing.T) {
	t.Parallel()
	slow, h := openSlow(t, true, false)
	s := newSend()
	answers := slow.begin(t, h, s)
	again := h.send(t, s)
	again.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
	if again.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", again.Header.Get("Retry-After"))
	}
	other := s
	other.body = "{}"
	h.send(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	slow.goes()
	mustReplay(t, (<-answers).MustBe(t, http.StatusCreated), h.send(t, s))
	h.mustHaveEffects(t, 1)
}

// TestLease lets attempts outlive their lease, as one does whose process was
// killed, or whose machine stood still.
func TestLease(t *testing.T) {
	t.Parallel()
	t.Run("an attempt that died before its effect is followed by another, and can have none when it comes to life", func(t *testing.T) {
		t.Parallel()
		slow, h := openSlow(t, true, false)
		s := newSend()
		answers := slow.begin(t, h, s)
		h.pass(59 * time.Second)
		h.send(t, s).MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		h.pass(time.Second)
		second := h.send(t, s).MustBe(t, http.StatusCreated)
		slow.goes()
		(<-answers).MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		mustReplay(t, second, h.send(t, s))
		h.mustHaveEffects(t, 1)
	})

	t.Run("an attempt that died after its effect is followed by no other", func(t *testing.T) {
		t.Parallel()
		slow, h := openSlow(t, false, true)
		s := newSend()
		answers := slow.begin(t, h, s)
		h.pass(time.Minute)
		h.send(t, s).MustBeProblem(t, http.StatusConflict, "idempotency_answer_lost")
		slow.goes()
		mustReplay(t, (<-answers).MustBe(t, http.StatusCreated), h.send(t, s))
		h.mustHaveEffects(t, 1)
	})

	t.Run("many that follow one that died have one effect", func(t *testing.T) {
		t.Parallel()
		slow, h := openSlow(t, true, false)
		s := newSend()
		answers := slow.begin(t, h, s)
		h.pass(time.Minute)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { h.mustInsist(t, s).MustBe(t, http.StatusCreated) })
		}
		all.Wait()
		slow.goes()
		<-answers
		h.mustHaveEffects(t, 1)
	})

	t.Run("an attempt whose client leaves goes on, for the client to come again", func(t *testing.T) {
		t.Parallel()
		slow, h := openSlow(t, true, false)
		s := newSend()
		gone := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(slow.goes)
		go func() {
			defer close(gone)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+s.path, strings.NewReader(s.body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+s.caller)
			r.Header.Set(idempotency.HeaderKey, s.key)
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_ = answer.Body.Close()
				t.Error("the client was to be gone")
			}
		}()
		<-slow.reached
		cancel()
		<-gone
		slow.goes()
		answer := h.mustInsist(t, s).MustBe(t, http.StatusCreated)
		if answer.Header.Get(idempotency.HeaderReplayed) != "true" {
			t.Error("the effect was made a second time")
		}
		h.mustHaveEffects(t, 1)
	})
}

func TestGuard(t *testing.T) {
	t.Parallel()
	t.Run("holds a statement of its own, too", func(t *testing.T) {
		t.Parallel()
		slowed := &slow{reached: make(chan struct{}), proceed: make(chan struct{})}
		h := open(t, func(h *house, w http.ResponseWriter, r *http.Request) error {
			if slowed.stopped.CompareAndSwap(false, true) {
				close(slowed.reached)
				<-slowed.proceed
			}
			id := uuid.New()
			if _, err := h.db.ExecContext(r.Context(), `INSERT INTO effect (id) VALUES (?)`, id[:]); err != nil {
				return err
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		})
		s := newSend()
		answers := slowed.begin(t, h, s)
		h.pass(time.Minute)
		h.send(t, s).MustBe(t, http.StatusNoContent)
		slowed.goes()
		(<-answers).MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		mustReplay(t, functiontest.Response{Status: http.StatusNoContent}, h.send(t, s))
		h.mustHaveEffects(t, 1)
	})
}
