// Package maildelivery sends the mails of events, each once, with retries. A service that uses it
// has the table mail_delivery (functions/user/migrations/00022_mail_delivery.sql).
package maildelivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/batch"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/mail"
)

const (
	// claimTimeout is how long an attempt to send a mail excludes others: the time limit of
	// a delivery. After that, the process is assumed to have died with the mail.
	claimTimeout = 30 * time.Second
	// recordTimeout is the time limit for recording that a mail was sent. It also applies
	// to a delivery that Pub/Sub has given up. It is that of five lock waits: while another
	// transaction locks one row of a batch of 20, the batch is split until the others are
	// recorded.
	recordTimeout = 25 * time.Second
	// retention is how long the row of a mail that was never sent is stored: as long as a
	// dead letter.
	retention = 31 * 24 * time.Hour
	// The interval of polls for the end of another delivery's claim doubles from the
	// minimum to the maximum.
	minPollInterval = 20 * time.Millisecond
	maxPollInterval = 500 * time.Millisecond
)

// Mail is a mail to be sent, or no mail if its kind is empty.
type Mail struct {
	Kind        string // the name of the template
	To          Recipient
	Data        any
	Attachments []mail.Attachment
}

// Recipient is the recipient of a mail.
type Recipient struct{ Name, Email string }

// Message is an event whose mail is to be sent.
type Message[P any] struct {
	Event   event.Event
	Payload P
	First   bool // whether this is the first attempt
	// Mail is the mail, after it was prepared. Each attempt prepares the same mail.
	Mail Mail
	// sent is true after the mail was sent, which is then to be recorded.
	sent bool
	// err is errSent or errClaimed if there is nothing to send now.
	err error
}

var (
	errSent    = errors.New("the mail was sent")
	errClaimed = errors.New("another delivery is sending the mail")
)

// Prepare sets the mails of messages, in the transaction that claims them.
type Prepare[P any] func(ctx context.Context, tx *database.Tx, messages []*Message[P]) error

// Delivery sends the mails of a function's events. Deliveries that are in the process at the
// same time share transactions; see package batch.
type Delivery[P any] struct {
	*function.Runtime
	consumer string
	mailer   *Mailer
	prepare  Prepare[P]
	// transactions run before a mail is sent and after it. Mails that begin and mails that were sent
	// share transactions.
	transactions *batch.Batcher[*Message[P]]
}

// New returns the mail delivery of a function. The mailer may be loaded later.
func New[P any](runtime *function.Runtime, consumer string, mailer *Mailer, prepare Prepare[P]) *Delivery[P] {
	d := &Delivery[P]{Runtime: runtime, consumer: consumer, mailer: mailer, prepare: prepare}
	d.transactions = batch.New(runtime.DB, runtime.Batch, d.advance)
	return d
}

// OneByOne returns a Prepare that calls prepare for each message.
func OneByOne[P any](prepare func(ctx context.Context, tx *database.Tx, m *Message[P]) (Mail, error)) Prepare[P] {
	return func(ctx context.Context, tx *database.Tx, messages []*Message[P]) (err error) {
		for _, m := range messages {
			if m.Mail, err = prepare(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

// Deliver sends the mail of an event once. No transaction is open and no connection is
// in use while it is sent: a claim in the database excludes other deliveries of the
// event. They wait for the claim, and then find that the mail was sent.
//
// A mail is sent twice in one case: the mail server accepted it, but the record of that
// was lost. Sending twice is better than never. Both mails have the same Message-ID and
// the same token.
//
// A permanent rejection of the address is logged, and the event is acknowledged.
func (d *Delivery[P]) Deliver(ctx context.Context, e event.Event, payload P) error {
	m, err := d.claim(ctx, e, payload)
	if errors.Is(err, errSent) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prepare mail of event %s: %w", e.ID, err)
	}
	if m.Mail.Kind == "" {
		return nil
	}
	err = d.mailer.send(ctx, e, m.Mail)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err != nil {
		return errors.Join(err, releaseDelivery(ctx, d.DB, d.consumer, e.ID, d.Now()))
	}
	m.sent = true
	if err := d.transactions.Do(ctx, m, 0); err != nil {
		return fmt.Errorf("record mail of event %s: %w", e.ID, err)
	}
	return nil
}

// claim prepares the mail and claims its delivery. It waits for other claims to end.
func (d *Delivery[P]) claim(ctx context.Context, e event.Event, payload P) (*Message[P], error) {
	for interval := minPollInterval; ; interval = min(2*interval, maxPollInterval) {
		m := &Message[P]{Event: e, Payload: payload}
		if err := d.transactions.Do(ctx, m, len(e.Payload)); err != nil {
			return nil, err
		}
		if !errors.Is(m.err, errClaimed) {
			return m, m.err
		}
		timer := time.NewTimer(interval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, errors.Join(errClaimed, ctx.Err())
		}
	}
}

// advance records the mails of messages that were sent, and claims the deliveries of the others.
func (d *Delivery[P]) advance(ctx context.Context, tx *database.Tx, messages []*Message[P]) error {
	var begun []*Message[P]
	var sent []event.Event
	for _, m := range messages {
		if m.sent {
			sent = append(sent, m.Event)
		} else {
			begun = append(begun, m)
		}
	}
	if len(sent) > 0 {
		if err := d.recordAll(ctx, tx, sent); err != nil {
			return err
		}
	}
	if len(begun) == 0 {
		return nil
	}
	return d.claimAll(ctx, tx, begun)
}

// claimAll claims the deliveries of messages and prepares their mails. Events without a mail are
// recorded as processed.
func (d *Delivery[P]) claimAll(ctx context.Context, tx *database.Tx, messages []*Message[P]) error {
	c, err := d.lockClaims(ctx, tx, messages)
	if err != nil {
		return err
	}
	var prepared []*Message[P]
	for _, m := range messages {
		if m.First, m.err = c.claim(m.Event.ID, d.Now()); m.err == nil {
			prepared = append(prepared, m)
		}
	}
	if len(prepared) == 0 {
		return deleteDeliveries(ctx, tx, d.consumer, c.done)
	}
	if err := d.prepare(ctx, tx, prepared); err != nil {
		return err
	}
	var without []event.Event
	for _, m := range prepared {
		if m.Mail.Kind == "" {
			without = append(without, m.Event)
		}
	}
	if err := claimDeliveries(ctx, tx, d.consumer, c.again, d.Now().Add(claimTimeout)); err != nil {
		return fmt.Errorf("claim the deliveries: %w", err)
	}
	if err := deleteDeliveries(ctx, tx, d.consumer, c.done); err != nil || len(without) == 0 {
		return err
	}
	return d.recordAll(ctx, tx, without)
}

// mailClaims are the claims of a batch.
type mailClaims struct {
	inserted   map[uuid.UUID]bool      // deliveries that the transaction has inserted, claimed
	deliveries map[uuid.UUID]time.Time // deliveries that exist, with the end of their claim
	processed  map[uuid.UUID]bool
	taken      map[uuid.UUID]bool // events of earlier messages of the batch
	again      []uuid.UUID        // deliveries that exist and are claimed again
	done       []uuid.UUID        // deliveries that were inserted for events that are processed
}

// lockClaims inserts the deliveries of messages, locks those that exist, and reads which events
// were processed. The delivery that sent a mail has deleted its row, so the inbox is read with the
// rows locked.
func (d *Delivery[P]) lockClaims(ctx context.Context, tx *database.Tx, messages []*Message[P]) (c mailClaims, err error) {
	all := make([]uuid.UUID, len(messages))
	for i, m := range messages {
		all[i] = m.Event.ID
	}
	ids := database.SortedIDs(slices.Values(all))
	if c.inserted, err = insertDeliveries(ctx, tx, d.consumer, ids, d.Now().Add(claimTimeout)); err != nil {
		return c, fmt.Errorf("insert the deliveries: %w", err)
	}
	existing := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return c.inserted[id] })
	if c.deliveries, err = lockDeliveries(ctx, tx, d.consumer, existing); err != nil {
		return c, fmt.Errorf("lock the deliveries: %w", err)
	}
	c.taken = map[uuid.UUID]bool{}
	c.processed, err = event.SelectProcessed(ctx, tx, d.consumer, ids)
	return c, err
}

// claim claims the delivery of an event. It reports whether this is the first attempt.
func (c *mailClaims) claim(id uuid.UUID, now time.Time) (first bool, err error) {
	until, exists := c.deliveries[id]
	switch {
	case c.taken[id]:
		return false, errClaimed
	case c.processed[id]:
		if c.inserted[id] {
			c.done = append(c.done, id)
		}
		return false, errSent
	case exists && until.After(now):
		return false, errClaimed
	case exists:
		c.again = append(c.again, id)
	}
	c.taken[id] = true
	return !exists, nil
}

// recordAll records events as processed.
func (d *Delivery[P]) recordAll(ctx context.Context, tx *database.Tx, events []event.Event) error {
	if _, err := event.RecordBatch(ctx, tx, d.consumer, events, d.Now()); err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return deleteDeliveries(ctx, tx, d.consumer, ids)
}
