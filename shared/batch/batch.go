// Package batch lets requests that are in a process at the same time share transactions
// (group commit): while one transaction runs, the next requests queue, and the next
// transaction takes all of them. There is no timer, so that a request on its own waits for
// none.
//
// The requests of a batch succeed and fail on their own. If their transaction fails, the batch
// is split in halves until the request that fails is alone. The wait for a row that another
// transaction locks is such a failure: only a request that is alone waits for the row again.
package batch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"souk/shared/database"
	"souk/shared/telemetry"
)

// Limits bound a batch, so that one transaction neither holds locks for long nor exceeds the
// server's maximum packet.
type Limits struct {
	// Items is the maximum number of items; 0 is DefaultItems. With 1 each item has a
	// transaction of its own.
	Items int `env:"BATCH_ITEMS"`
}

const (
	// DefaultItems is the maximum number of items of a batch: from some tens on, the cost of
	// a transaction itself is small beside that of its rows.
	DefaultItems = 100
	// maxItems is the maximum of Limits.Items.
	maxItems = 1000
	// maxBytes is the maximum size of the items of a batch. An item that is larger has a
	// batch of its own. A server accepts packets of 16 MiB or more.
	maxBytes = 1 << 20
)

// Func handles the items of a batch in tx, in the order of their arrival. An error fails all of
// them and rolls the transaction back; a failure of one item is stored in the item. Func may
// run several times, with all items or some of them, and must overwrite what it stored in them.
type Func[T any] func(ctx context.Context, tx *database.Tx, items []T) error

// Batcher runs items in batches, one at a time. Only while a batch is split, or its only item waits for
// a locked row, the next batches run beside it.
type Batcher[T any] struct {
	db    *database.DB
	limit int // the maximum number of items of a batch
	run   Func[T]

	mu    sync.Mutex
	queue []*entry[T]
	// leader is the entry whose request runs the current batch, or is to run the next one. It is
	// nil if there is neither.
	leader *entry[T]
}

// entry is an item in the queue or in a batch.
type entry[T any] struct {
	ctx  context.Context
	item T
	size int
	// carrier is the transaction of the batch that the entry leads.
	carrier *database.Carrier
	turn    chan struct{} // closed when the entry becomes the leader after it had to wait
	done    chan struct{} // closed when err is set
	err     error
}

// Validate returns an error for limits that cannot work.
func (l Limits) Validate() error {
	if l.Items < 0 || l.Items > maxItems {
		return fmt.Errorf("BATCH_ITEMS must be 0 to %d, got %d", maxItems, l.Items)
	}
	return nil
}

// New returns a new Batcher, whose batches run executes.
func New[T any](db *database.DB, limits Limits, run Func[T]) *Batcher[T] {
	return &Batcher[T]{db: db, limit: cmp.Or(limits.Items, DefaultItems), run: run}
}

// Do runs an item of a size in bytes in a batch with those of other requests. It returns after
// the commit and after the hooks of the transaction. It returns early if ctx ends: the item is
// then dropped if its batch has not begun, and else may still take effect, so that the caller
// must not read it.
func (b *Batcher[T]) Do(ctx context.Context, item T, size int) error {
	ctx, span := telemetry.Start(ctx, "batch", trace.SpanKindInternal)
	err := b.do(ctx, &entry[T]{ctx: ctx, item: item, size: size, turn: make(chan struct{}), done: make(chan struct{})})
	span.End(err)
	return err
}

func (b *Batcher[T]) do(ctx context.Context, e *entry[T]) error {
	if !b.enter(e) {
		select {
		case <-e.done:
			return e.err
		case <-e.turn:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		b.leave(e)
		return fmt.Errorf("wait for a batch: %w", context.Cause(ctx))
	}
	b.lead(e)
	return e.err
}

// enter adds an entry to the queue. It reports whether the entry is the leader of the next batch:
// if there is none, because no other entry is in the queue.
func (b *Batcher[T]) enter(e *entry[T]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, e)
	if b.leader == nil {
		b.leader = e
		e.carrier = b.db.NewCarrier()
	}
	return b.leader == e
}

// leave removes an entry whose caller does not wait any more, unless its batch has begun.
func (b *Batcher[T]) leave(e *entry[T]) {
	b.mu.Lock()
	b.queue = slices.DeleteFunc(b.queue, func(queued *entry[T]) bool { return queued == e })
	led := b.leader == e
	b.mu.Unlock()
	if led {
		e.carrier.Cancel()
		b.handOver()
	}
}

// handOver makes the first entry in the queue the leader of the next batch.
func (b *Batcher[T]) handOver() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leader = nil
	if len(b.queue) > 0 {
		b.leader = b.queue[0]
		b.leader.carrier = b.db.NewCarrier()
		close(b.leader.turn)
	}
}

// lead runs the next batch, of which own is the first entry. It lets the next leader begin after the
// commit: while Pub/Sub is slow, publishing delays no other batch. The next transaction is announced
// at the same time, and may carry what remains to be written then. After a failure, the next leader
// begins before the batch is split.
func (b *Batcher[T]) lead(own *entry[T]) {
	handOver := sync.OnceFunc(b.handOver)
	defer handOver()
	first := &part[T]{carrier: own.carrier, open: true}
	b.fill(first)
	b.runBatch(own.ctx, first, handOver)
}

// fill moves entries from the queue to a part, within the limits of a batch.
func (b *Batcher[T]) fill(p *part[T]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for n < len(b.queue) && len(p.entries) < b.limit && (len(p.entries) == 0 || p.size+b.queue[n].size <= maxBytes) &&
		p.hasTime(b.queue[n]) {
		p.size += b.queue[n].size
		p.entries = append(p.entries, b.queue[n])
		n++
	}
	b.queue = slices.Delete(b.queue, 0, n)
}
