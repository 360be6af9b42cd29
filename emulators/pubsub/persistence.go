package pubsub

import (
	"errors"
	"fmt"
)

// open restores the state from the directory and starts a compacted journal.
func (b *Broker) open() error {
	journal, err := openJournal(b.options.Dir, b.log, b.apply)
	if err != nil {
		return err
	}
	b.journal = journal
	records, err := b.stateRecords()
	if err == nil {
		err = journal.compact(records)
	}
	if err != nil {
		return errors.Join(err, releaseLock(journal.lock))
	}
	return nil
}

func (b *Broker) closeJournal() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.journal == nil {
		return nil
	}
	journal := b.journal
	b.journal = nil
	if err := journal.close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

// persist writes records to the journal, if there is one, before they take effect. At
// this point the state lacks only these records, so an outgrown journal is compacted
// here.
func (b *Broker) persist(records ...record) error {
	if b.journal == nil || len(records) == 0 {
		return nil
	}
	if b.journal.outgrown() {
		b.compact()
	}
	return b.journal.append(records...)
}

func (b *Broker) compact() {
	records, err := b.stateRecords()
	if err == nil {
		err = b.journal.compact(records)
	}
	if err != nil {
		// The long journal is still valid, as long as the disk has room for it.
		b.journal.compactAt *= 2
		b.log.Warn("compact the journal of the Pub/Sub broker", "error", err)
	}
}

// note writes records whose loss only means a redelivery after a restart, which
// Pub/Sub allows at any time.
func (b *Broker) note(records ...record) {
	if err := b.persist(records...); err != nil {
		b.log.Error("write the journal of the Pub/Sub broker: messages may be delivered again after a restart", "error", err)
	}
}
