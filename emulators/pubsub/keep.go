package pubsub

import (
	"errors"
	"fmt"
)

// open brings back what the directory holds and starts a compacted journal.
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
		return errors.Join(err, journal.lock.Close())
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

// keep writes records to the journal, if there is one, before they take effect:
// the state may run behind the journal by these records alone, so that this is
// also the moment to compact a journal that has outgrown what it has to say.
func (b *Broker) keep(records ...record) error {
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
		// The long journal is as good, as long as there is room for it.
		b.journal.compactAt *= 2
		b.log.Warn("the journal of the Pub/Sub broker could not be compacted", "error", err)
	}
}

// note writes records whose loss only means that something is done once more
// after a restart, as Pub/Sub may at any time.
func (b *Broker) note(records ...record) {
	if err := b.keep(records...); err != nil {
		b.log.Error("the journal of the Pub/Sub broker could not be written: messages may come again after a restart", "error", err)
	}
}
