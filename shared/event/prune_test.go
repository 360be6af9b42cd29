package event_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/event"
)

func TestSweepPrunes(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.mustAdd(t, "thing-made", 1)
	h.advance(25 * time.Hour)
	h.mustAdd(t, "thing-made", 2)
	// More rows than one DELETE deletes, and one that must remain.
	var rows []string
	var args []any
	for i := range 1500 {
		at := h.now.Add(-event.InboxRetention - 24*time.Hour)
		if i == 0 {
			at = h.now.Add(-event.InboxRetention + 24*time.Hour)
		}
		id := uuid.New()
		rows, args = append(rows, `('thing-store', ?, ?)`), append(args, id[:], at)
	}
	h.mustExec(t, `INSERT INTO inbox (consumer, event_id, received_at) VALUES `+strings.Join(rows, ", "), args...)
	// An event that cannot be published remains and does not prevent pruning.
	h.setDown(true)
	h.mustAdd(t, "thing-made", 3)
	h.advance(afterPublishDelay)
	if err := h.Sweep(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("got %v, want %v", err, errDown)
	}
	h.requireCount(t, "outbox", 2)
	h.requireCount(t, `outbox WHERE payload = '1'`, 0)
	h.requireCount(t, "inbox", 1)
}
