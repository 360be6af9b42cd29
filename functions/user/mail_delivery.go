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
	// claimFor is how long an attempt to send a mail excludes others: the time that a
	// delivery has. A process that died with the mail is not waited for any longer.
	claimFor = 30 * time.Second
	// recordTimeout bounds the record that a mail was sent, which outlives a delivery
	// that Pub/Sub has given up.
	recordTimeout = 5 * time.Second
	// deliveryRetention is how long the row of a mail that was never sent stays: as
	// long as a dead letter.
	deliveryRetention = 31 * 24 * time.Hour
	// The pauses between polls of another delivery's claim.
	minClaimPause = 20 * time.Millisecond
	maxClaimPause = 500 * time.Millisecond
)

// outgoing is a mail to be sent; without a kind, there is none.
type outgoing struct {
	Kind string
	To   recipient
	Data any
}

// prepare decides in a transaction which mail an event causes. It is
// called once an attempt, and must prepare the same mail again; first reports whether
// this is the first one.
type prepare func(ctx context.Context, tx *database.Tx, first bool) (outgoing, error)

var (
	errSent    = errors.New("the mail was sent")
	errClaimed = errors.New("another delivery is sending the mail")
)

// deliver sends the mail of an event, once. While the mail server is talked to, no
// transaction is open and no connection is held: a claim in the database excludes other
// deliveries of the event. They wait for it, and find the mail sent.
//
// A mail is sent twice in one case: the server took it, and the record of that was
// lost. Then nothing can know that it was sent, and twice is better than never. Both
// have the same Message-ID and the same token.
//
// A permanent refusal of the address is logged, and the event is done.
func (s *service) deliver(ctx context.Context, consumer string, e event.Event, decide prepare) error {
	m, err := s.claim(ctx, consumer, e, decide)
	if errors.Is(err, errSent) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prepare the mail of event %s: %w", e.ID, err)
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
		return fmt.Errorf("record the mail of event %s: %w", e.ID, err)
	}
	return nil
}

// claim prepares the mail and claims its delivery, waiting for other claims to end.
func (s *service) claim(ctx context.Context, consumer string, e event.Event, decide prepare) (m outgoing, err error) {
	for pause := minClaimPause; ; pause = min(2*pause, maxClaimPause) {
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
			m, err = s.tryClaim(ctx, tx, consumer, e, decide)
			return err
		})
		if !errors.Is(err, errClaimed) {
			return m, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return m, errors.Join(errClaimed, ctx.Err())
		}
	}
}

// tryClaim is claim in one transaction. Where there is no mail to send, the event is
// done with it.
func (s *service) tryClaim(ctx context.Context, tx *database.Tx, consumer string, e event.Event, decide prepare) (outgoing, error) {
	d, err := lockDelivery(ctx, tx, consumer, e.ID, s.Now())
	if err != nil {
		return outgoing{}, fmt.Errorf("lock the delivery: %w", err)
	}
	// Read with the row locked: who has sent the mail has deleted it.
	sent, err := event.Received(ctx, tx, consumer, e)
	if err != nil {
		return outgoing{}, err
	}
	if sent {
		return outgoing{}, errSent
	}
	if d.Attempts > 0 && d.ClaimedUntil.After(s.Now()) {
		return outgoing{}, errClaimed
	}
	m, err := decide(ctx, tx, d.Attempts == 0)
	if err != nil {
		return outgoing{}, err
	}
	if m.Kind == "" {
		return m, s.record(ctx, tx, consumer, e)
	}
	if err := claimDelivery(ctx, tx, consumer, e.ID, s.Now().Add(claimFor)); err != nil {
		return outgoing{}, fmt.Errorf("claim the delivery: %w", err)
	}
	return m, nil
}

// record notes that an event is done.
func (s *service) record(ctx context.Context, tx *database.Tx, consumer string, e event.Event) error {
	if _, err := event.Receive(ctx, tx, consumer, e, s.Now()); err != nil {
		return err
	}
	return deleteDelivery(ctx, tx, consumer, e.ID)
}

// send sends a mail. A refusal that no other try can change is no error.
func (s *service) send(ctx context.Context, e event.Event, m outgoing) error {
	content, err := s.templates[m.Kind].Render(m.Data)
	if err != nil {
		return err
	}
	err = s.sender.Send(ctx, mail.Message{ID: e.ID.String(), ToName: m.To.Name, ToEmail: m.To.Email, Content: content})
	if mail.IsRefused(err) {
		slog.WarnContext(ctx, "a mail is refused for good", "mail", m.Kind, "event", e.ID, "type", e.Type, "aggregate", e.AggregateID, "error", err)
		return nil
	}
	return err
}
