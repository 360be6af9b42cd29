package user

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/mail"
)

const (
	// claimTimeout is how long an attempt to send a mail excludes others: the time limit of
	// a delivery. After that, the process is assumed to have died with the mail.
	claimTimeout = 30 * time.Second
	// recordTimeout is the time limit for recording that a mail was sent. It also applies
	// to a delivery that Pub/Sub has given up.
	recordTimeout = 5 * time.Second
	// deliveryRetention is how long the row of a mail that was never sent is stored: as
	// long as a dead letter.
	deliveryRetention = 31 * 24 * time.Hour
	// The interval of polls for the end of another delivery's claim doubles from the
	// minimum to the maximum.
	minPollInterval = 20 * time.Millisecond
	maxPollInterval = 500 * time.Millisecond
)

// outgoingMail is a mail to be sent, or no mail if its kind is empty.
type outgoingMail struct {
	Kind string
	To   recipient
	Data any
}

// prepareFunc returns the mail of an event, in a transaction. It is called for each
// attempt and must return the same mail each time; first reports whether this is the
// first attempt.
type prepareFunc func(ctx context.Context, tx *database.Tx, first bool) (outgoingMail, error)

var (
	errSent    = errors.New("the mail was sent")
	errClaimed = errors.New("another delivery is sending the mail")
)

// deliver sends the mail of an event once. No transaction is open and no connection is
// in use while it is sent: a claim in the database excludes other deliveries of the
// event. They wait for the claim, and then find that the mail was sent.
//
// A mail is sent twice in one case: the mail server accepted it, but the record of that
// was lost. Sending twice is better than never. Both mails have the same Message-ID and
// the same token.
//
// A permanent rejection of the address is logged, and the event is acknowledged.
func (s *service) deliver(ctx context.Context, consumer string, e event.Event, prepare prepareFunc) error {
	m, err := s.claim(ctx, consumer, e, prepare)
	if errors.Is(err, errSent) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prepare mail of event %s: %w", e.ID, err)
	}
	if m.Kind == "" {
		return nil
	}
	err = s.send(ctx, e, m)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err != nil {
		return errors.Join(err, releaseDelivery(ctx, s.DB, consumer, e.ID, s.Now()))
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.record(ctx, tx, consumer, e) })
	if err != nil {
		return fmt.Errorf("record mail of event %s: %w", e.ID, err)
	}
	return nil
}

// claim prepares the mail and claims its delivery. It waits for other claims to end.
func (s *service) claim(ctx context.Context, consumer string, e event.Event, prepare prepareFunc) (m outgoingMail, err error) {
	for interval := minPollInterval; ; interval = min(2*interval, maxPollInterval) {
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
			m, err = s.tryClaim(ctx, tx, consumer, e, prepare)
			return err
		})
		if !errors.Is(err, errClaimed) {
			return m, err
		}
		timer := time.NewTimer(interval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return m, errors.Join(errClaimed, ctx.Err())
		}
	}
}

// tryClaim is one attempt of claim, in a transaction. If there is no mail to send, it
// records the event as processed.
func (s *service) tryClaim(ctx context.Context, tx *database.Tx, consumer string, e event.Event, prepare prepareFunc) (outgoingMail, error) {
	d, err := lockDelivery(ctx, tx, consumer, e.ID, s.Now())
	if err != nil {
		return outgoingMail{}, fmt.Errorf("lock the delivery: %w", err)
	}
	// Read with the row locked: the delivery that sent the mail has deleted the row.
	sent, err := event.IsProcessed(ctx, tx, consumer, e)
	if err != nil {
		return outgoingMail{}, err
	}
	if sent {
		return outgoingMail{}, errSent
	}
	if d.Attempts > 0 && d.ClaimedUntil.After(s.Now()) {
		return outgoingMail{}, errClaimed
	}
	m, err := prepare(ctx, tx, d.Attempts == 0)
	if err != nil {
		return outgoingMail{}, err
	}
	if m.Kind == "" {
		return m, s.record(ctx, tx, consumer, e)
	}
	if err := claimDelivery(ctx, tx, consumer, e.ID, s.Now().Add(claimTimeout)); err != nil {
		return outgoingMail{}, fmt.Errorf("claim the delivery: %w", err)
	}
	return m, nil
}

// record records an event as processed.
func (s *service) record(ctx context.Context, tx *database.Tx, consumer string, e event.Event) error {
	if _, err := event.RecordProcessed(ctx, tx, consumer, e, s.Now()); err != nil {
		return err
	}
	return deleteDelivery(ctx, tx, consumer, e.ID)
}

// send sends a mail. A permanent rejection is logged and returned as success.
func (s *service) send(ctx context.Context, e event.Event, m outgoingMail) error {
	content, err := s.templates[m.Kind].Render(m.Data)
	if err != nil {
		return err
	}
	err = s.sender.Send(ctx, mail.Message{ID: e.ID.String(), ToName: m.To.Name, ToEmail: m.To.Email, Content: content})
	if mail.IsRefused(err) {
		slog.WarnContext(ctx, "mail rejected permanently", "mail", m.Kind, "event", e.ID, "type", e.Type, "aggregate", e.AggregateID, "error", err)
		return nil
	}
	return err
}
