package database

import "context"

// takenBatch is a batch that is no longer pending.
type takenBatch struct {
	run func(ctx context.Context, q Queryer) error
	end func(err error) // must be called once
}

// flusher is a Coalescer of any type.
type flusher interface {
	flush(ctx context.Context, q Queryer)
	take() *takenBatch
	isCarried() bool
}

// Carrier is a shared transaction, in progress or about to begin, that runs the pending batches of
// all Coalescers of NewCarriedCoalescer right before it commits. It belongs to one goroutine at a time.
type Carrier struct {
	db      *DB
	batches []*takenBatch
	begun   bool // it is registered, so that batches wait for it
}

// NewCarrier announces a shared transaction, from now on: it must be run by InSharedTx, or
// cancelled.
func (db *DB) NewCarrier() *Carrier {
	c := &Carrier{db: db}
	c.begin()
	return c
}

// Cancel ends a carrier whose transaction is not run.
func (c *Carrier) Cancel() { c.end(false) }

// hasCarrier reports whether a shared transaction will take the batches that are pending.
func (db *DB) hasCarrier() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.carriers > 0
}

// begin registers the carrier, if it is not.
func (c *Carrier) begin() {
	if c.begun {
		return
	}
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.db.carriers++
	c.begun = true
}

// take takes the pending batches and ends the registration: later ones do not wait for it.
func (c *Carrier) take() {
	if !c.begun {
		return
	}
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.db.carriers--
	c.begun = false
	for _, f := range c.db.flushers {
		if !f.isCarried() {
			continue
		}
		if taken := f.take(); taken != nil {
			c.batches = append(c.batches, taken)
		}
	}
}

// run takes and runs the pending batches. It returns an error that ends the transaction. Other
// errors are those of the batch.
func (c *Carrier) run(ctx context.Context, q Queryer) error {
	c.take()
	for i, taken := range c.batches {
		err := taken.run(ctx, q)
		if isLockConflict(err) || isConnectionLost(err) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			taken.end(err)
			c.batches[i] = nil
		}
	}
	return nil
}

// end ends the batches. Those of a transaction that was rolled back run again.
func (c *Carrier) end(committed bool) {
	c.take()
	var err error
	if !committed {
		err = errNotCarried
	}
	for _, taken := range c.batches {
		if taken != nil {
			taken.end(err)
		}
	}
	c.batches = nil
}

func (db *DB) addFlusher(f flusher) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.flushers = append(db.flushers, f)
}

// flush runs the pending batches of all Coalescers.
func (db *DB) flush(ctx context.Context, q Queryer) {
	db.mu.Lock()
	flushers := db.flushers
	db.mu.Unlock()
	for _, f := range flushers {
		f.flush(ctx, q)
	}
}
