package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// source is what a document is issued for.
type source struct {
	orderID uuid.UUID
	id      uuid.UUID // the order of an invoice, and the refund of a credit note
	payment invoice.Payment
	context context.Context
}

// compose returns the document of a source, without its id, number and time.
type compose func(ctx context.Context, i *issuer, o *orderCopy, from *source) (invoice.Document, error)

// issuer issues the documents of a batch.
type issuer struct {
	*service

	tx       *database.Tx
	kind     invoice.Kind
	at       time.Time // of issue
	compose  compose
	numbers  numbers
	existing map[invoiceKey]invoice.Document // documents by their sources, also those of the batch
	issued   []storedInvoice
	events   []event.AddParams[InvoiceIssued]
}

// issue issues documents of one kind, one for each source. The transaction assigns the numbers,
// renders the files and stores both.
func (s *service) issue(ctx context.Context, tx *database.Tx, kind invoice.Kind, sources []source, compose compose) error {
	if s.seller.Name == "" {
		return errNoSeller
	}
	n, at, err := s.lockCurrentNumbers(ctx, tx, kind)
	if err != nil {
		return err
	}
	var ids []uuid.UUID
	for k := range sources {
		ids = append(ids, sources[k].orderID, sources[k].id)
	}
	existing, err := selectInvoicesBySource(ctx, tx, ids)
	if err != nil {
		return err
	}
	i := &issuer{service: s, tx: tx, kind: kind, at: at, compose: compose, numbers: n, existing: existing}
	for k := range sources {
		if err := i.add(ctx, &sources[k]); err != nil {
			return err
		}
	}
	if len(i.issued) == 0 {
		return nil
	}
	return i.store(ctx)
}

// lockCurrentNumbers locks the numbers of a kind in the current year, and returns the time of issue.
// The wait for the lock may last into the next year. With the numbers locked, no other transaction
// issues a document of the kind, so that later numbers have later times.
func (s *service) lockCurrentNumbers(ctx context.Context, tx *database.Tx, kind invoice.Kind) (n numbers, at time.Time, err error) {
	for year := s.Now().Year(); n.year != year; year = at.Year() {
		if n, err = lockNumbers(ctx, tx, year, kind); err != nil {
			return n, at, err
		}
		at = s.Now()
	}
	return n, at, nil
}

// errNoOrderCopy is the error of an event that is delivered again, because order-placed is on the way.
var errNoOrderCopy = errors.New("the order is not stored yet")

// add issues the document of a source, unless there is one.
func (i *issuer) add(ctx context.Context, from *source) error {
	key := invoiceKey{i.kind, from.id}
	if _, exists := i.existing[key]; exists {
		return nil
	}
	o, err := selectOrderCopy(ctx, i.tx, from.orderID)
	if errors.Is(err, database.ErrNotFound) {
		return fmt.Errorf("order %s: %w", from.orderID, errNoOrderCopy)
	}
	if err != nil {
		return err
	}
	document, err := i.compose(ctx, i, &o, from)
	if err != nil {
		return fmt.Errorf("%s of order %s: %w", i.kind, o.OrderID, err)
	}
	if document.ID, err = uuid.NewV7(); err != nil {
		return fmt.Errorf("create a document id: %w", err)
	}
	document.IssuedAt = i.at
	stored := storedInvoice{Document: document, year: i.numbers.year, sequence: i.numbers.next(i.kind), source: from.id}
	stored.Number = formatNumber(i.kind, stored.year, stored.sequence)
	if stored.pdf, err = invoice.PDF(&stored.Document); err != nil {
		return fmt.Errorf("order %s: %w", o.OrderID, err)
	}
	i.existing[key] = stored.Document
	i.issued = append(i.issued, stored)
	i.events = append(i.events, event.AddParams[InvoiceIssued]{AggregateID: stored.ID, Context: from.context, Payload: InvoiceIssued{
		InvoiceID: stored.ID, OrderID: o.OrderID, UserID: o.UserID, Kind: stored.Kind, Number: stored.Number, Total: stored.Total,
	}})
	return nil
}

// store stores the documents of the batch with their numbers and events.
func (i *issuer) store(ctx context.Context) error {
	if err := insertInvoices(ctx, i.tx, i.issued); err != nil {
		return err
	}
	if i.kind == invoice.Invoice {
		orderIDs := make([]uuid.UUID, len(i.issued))
		for k := range i.issued {
			orderIDs[k] = i.issued[k].OrderID
		}
		if err := retainInvoicedCopies(ctx, i.tx, orderIDs); err != nil {
			return err
		}
	}
	if err := trail.Record(ctx, i.tx, i.changes()...); err != nil {
		return err
	}
	if err := topicInvoiceIssued.AddBatch(ctx, i.tx, i.Outbox, i.events...); err != nil {
		return err
	}
	return i.numbers.save(ctx, i.tx)
}

// changes returns the changes of the orders' payments by the documents of the batch, for the trail.
func (i *issuer) changes() []trail.Change {
	changes := make([]trail.Change, len(i.issued))
	for k := range i.issued {
		d := &i.issued[k]
		changes[k] = trail.Change{
			Resource: resourcePayment, ID: d.OrderID, At: i.at, Context: i.events[k].Context,
			After: trail.Fields{string(d.Kind): trail.Fields{"id": d.ID, "number": d.Number, "total": d.Total}},
		}
	}
	return changes
}
