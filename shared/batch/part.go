package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/database"
	"souk/shared/telemetry"
)

// joinTolerance is by how much the deadline of a transaction may be earlier than that of an item that
// joins it. Requests that arrive together differ by less. An item that has more time left than the
// others, such as the record of a mail that was sent, must not fail with them.
const joinTolerance = time.Second

// part is a batch, or after a failure a part of it, that runs in one transaction.
type part[T any] struct {
	entries []*entry[T]
	size    int               // of the entries, in bytes
	carrier *database.Carrier // nil for a new one
	// deadline is that of the transaction, or zero for none.
	deadline time.Time
	// open is true until the transaction has begun: entries that arrive until then join.
	open bool
	// retriesLocks is true if the transaction is retried while another one locks a row.
	retriesLocks bool
}

// runBatch runs a batch in one transaction, or after a failure in several, and ends its entries. It
// splits parts breadth-first, and retries items whose rows are locked after all others, so that the
// failure of one item delays the others little.
func (b *Batcher[T]) runBatch(ctx context.Context, first *part[T], handOver func()) {
	parts := []*part[T]{first}
	var locked []*part[T]
	defer func() { // after a panic, for the other requests of the batch
		for _, p := range slices.Concat(parts, locked) {
			p.end(errUnfinished)
		}
	}()
	for len(parts) > 0 {
		err := b.runPart(ctx, parts[0], handOver)
		p := parts[0]
		parts = parts[1:]
		switch {
		case len(p.entries) > 1 && isOfOneItem(err):
			handOver()
			parts = append(parts, p.halves()...)
		case !p.retriesLocks && database.IsLocked(err):
			locked = append(locked, &part[T]{entries: p.entries, retriesLocks: true})
		default:
			p.end(err)
		}
		if len(parts) == 0 {
			parts, locked = locked, nil
		}
	}
}

// hasTime reports whether the transaction does not end early for an entry: its deadline was set before
// the entry arrived.
func (p *part[T]) hasTime(e *entry[T]) bool {
	if p.deadline.IsZero() {
		return true
	}
	end, limited := e.ctx.Deadline()
	return limited && end.Sub(p.deadline) <= joinTolerance
}

// halves returns the halves of a part of several entries.
func (p *part[T]) halves() []*part[T] {
	middle := len(p.entries) / 2
	return []*part[T]{{entries: p.entries[:middle]}, {entries: p.entries[middle:]}}
}

// end ends the entries of a part.
func (p *part[T]) end(err error) {
	for _, e := range p.entries {
		e.err = err
		close(e.done)
	}
}

var errUnfinished = errors.New("the batch was not finished")

// runPart runs a part in one transaction, with the values of the leader's context and until the
// latest deadline of the entries that are in it when it begins. A panic of a hook after the commit is logged.
func (b *Batcher[T]) runPart(ctx context.Context, p *part[T], handOver func()) error {
	span := trace.SpanFromContext(ctx)
	defer func() { span.SetAttributes(attribute.Int("souk.batch.items", len(p.entries))) }()
	ctx = context.WithoutCancel(ctx)
	if end, limited := latestDeadline(p.entries); limited {
		p.deadline = end
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	committed := false
	defer func() {
		if !committed {
			return // a panic continues
		}
		if cause := recover(); cause != nil {
			slog.ErrorContext(ctx, "hook after a commit panicked", "items", len(p.entries), "panic", cause,
				telemetry.StackTraceKey, telemetry.StackTrace(cause, debug.Stack()))
		}
	}()
	return b.transact(ctx, p, func() {
		committed = true
		handOver()
	}, handOver)
}

// transact runs the items of a part in one transaction. If a row is locked, it is retried only if the
// part waits, and the next batch may begin meanwhile.
func (b *Batcher[T]) transact(ctx context.Context, p *part[T], committed, handOver func()) error {
	carrier := p.carrier
	if carrier == nil {
		carrier = b.db.NewCarrier()
	}
	return b.db.InSharedTx(ctx, carrier, func(ctx context.Context, tx *database.Tx) error {
		tx.AfterCommit(func(context.Context) { committed() })
		if p.open {
			p.open = false
			b.fill(p)
			p.retriesLocks = len(p.entries) == 1
		}
		err := b.call(ctx, tx, p.items())
		switch {
		case !database.IsLocked(err):
			return err
		case !p.retriesLocks:
			return database.NoRetry(err)
		}
		handOver()
		return err
	})
}

func (p *part[T]) items() []T {
	items := make([]T, len(p.entries))
	for i, e := range p.entries {
		items[i] = e.item
	}
	return items
}

// call calls the Func. A panic becomes an error, because it would fail other requests.
func (b *Batcher[T]) call(ctx context.Context, tx *database.Tx, items []T) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return b.run(ctx, tx, items)
}

func latestDeadline[T any](entries []*entry[T]) (latest time.Time, limited bool) {
	for _, e := range entries {
		end, ok := e.ctx.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if end.After(latest) {
			latest = end
		}
	}
	return latest, true
}

// isOfOneItem reports whether a batch without the item that caused err may succeed. The state of
// the server and the end of the time fail every item, and a commit that may have succeeded must
// not be repeated blindly. A locked row is a failure of the items that need it.
func isOfOneItem(err error) bool {
	switch {
	case err == nil, database.IsCommitUnknown(err):
		return false
	case database.IsLocked(err):
		return true
	case database.IsUnavailable(err):
		return false
	}
	return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}
