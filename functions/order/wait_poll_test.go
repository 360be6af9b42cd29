package order

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestPollEndsAfterPanic checks that other requests can poll after a panic in one of them.
func TestPollEndsAfterPanic(t *testing.T) {
	t.Parallel()
	p := newDecisionPoll(nil) // a statement panics
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the poll did not panic")
			}
		}()
		_, _ = p.wait(t.Context(), uuid.New())
	}()
	if polling, waiting := len(p.poller), len(p.waiting); polling != 0 || waiting != 0 {
		t.Errorf("%d requests poll and %d wait, want none", polling, waiting)
	}
}

// TestPollOfNoOrders checks that no statement is sent if all orders were decided during the interval.
func TestPollOfNoOrders(t *testing.T) {
	t.Parallel()
	p := newDecisionPoll(nil) // a statement panics
	own := &decision{orderID: uuid.New(), since: time.Now(), made: make(chan struct{})}
	if err := p.poll(t.Context(), own); err != nil {
		t.Error(err)
	}
}
