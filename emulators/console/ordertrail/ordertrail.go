// Package ordertrail collects what happened to one order in all parts of a system: its
// states, events, deliveries, mails and traces. It reads the services' databases, the
// broker, the mail server and the recorded traces, and changes nothing.
package ordertrail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"souk/emulators/pubsub"
	"souk/emulators/trace"
	"souk/shared/database"
	"souk/shared/manifest"
)

// Names of the services whose databases are read.
const (
	orderService   = "order"
	productService = "product"
	userService    = "user"
)

// ErrNotFound is returned for an order that does not exist.
var ErrNotFound = errors.New("order not found")

// Source is where a trail is collected from. Fields that are nil are unknown.
type Source struct {
	Manifest *manifest.Manifest
	// Databases are those of the services, by name. Required.
	Databases map[string]*database.DB
	// Mails returns the mails of the local mail server.
	Mails func(ctx context.Context) ([]Mail, error)
	// Undelivered returns the messages that are not acknowledged and whose attributes match.
	Undelivered func(match func(attributes map[string]string) bool) []pubsub.Peeked
	// Traces are the recorded traces.
	Traces *trace.Store
}

// Trail is everything about one order.
type Trail struct {
	Summary
	UpdatedAt time.Time
	Version   int64
	Items     []Item
	Steps     []Step
	// Reservation is the state of the order's stock, "" if it has none yet.
	Reservation string
	// Traces are the recorded traces of the order, oldest first.
	Traces []trace.Summary
	// BrokerUnknown and MailsUnknown report that these could not be read.
	BrokerUnknown, MailsUnknown bool
}

// Step is a moment of a trail: a change of the order's state, or an event.
type Step struct {
	At time.Time
	// Since is the time since the order was placed.
	Since time.Duration
	// Exactly one of them is set.
	Move  *Move
	Event *Event
}

// Move is a change of an order's state.
type Move struct {
	Status, Actor, Reason string
	Version               int64
}

// Event is an event about the order.
type Event struct {
	ID      uuid.UUID
	Type    string
	Service string // that published it
	Payload string
	TraceID string
	// Published is when it was published; zero if it waits in the outbox.
	Created, Published time.Time
	Deliveries         []Delivery

	attributes map[string]string // of the message, besides the envelope
}

// States of a delivery.
const (
	Done       = "done"        // the function has processed the event
	Unknown    = "not yet"     // it has not, and what the broker does is unknown
	DeadLetter = "dead letter" // it is in the dead-letter topic
	Unsent     = "unsent"      // the event is not published yet
	Delivered  = "delivered"   // the broker has delivered it, and the function records no events
	Missing    = "missing"     // neither the function nor the broker has it
	// Others are the broker's: pubsub.StateWaiting and so on.
)

// Delivery is the delivery of an event to one function.
type Delivery struct {
	Function, Service string
	Subscription      string
	State             string
	// Received is when its effect was committed; Wait is the time since the event was
	// created. Both are zero unless it is done.
	Received time.Time
	Wait     time.Duration
	// Attempts is the number of attempts, 0 if it is unknown.
	Attempts int
	// Due is when the next attempt is, and Reason why the last one failed, if known.
	Due    time.Time
	Reason string
	Mails  []Mail
}

// Mail is a mail that the local mail server received.
type Mail struct {
	URL        string
	MessageID  string
	To         []string
	Subject    string
	ReceivedAt time.Time
}

// Find collects the trail of an order.
func (s *Source) Find(ctx context.Context, id uuid.UUID) (Trail, error) {
	t, err := s.readOrder(ctx, id)
	if err != nil {
		return t, err
	}
	found := &findings{order: t.Summary, inbox: map[deliveryKey]time.Time{}}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() (err error) { t.Reservation, err = s.readReservation(reading, id); return err })
	group.Go(func() (err error) { found.mails, t.MailsUnknown = s.readMails(reading); return nil })
	group.Go(func() error {
		if err := s.readEvents(reading, found); err != nil {
			return err
		}
		return s.readInboxes(reading, found)
	})
	if err := group.Wait(); err != nil {
		return t, err
	}
	s.readBroker(found)
	s.readTraces(found, &t)
	t.BrokerUnknown = s.Undelivered == nil
	for i := range found.events {
		e := &found.events[i]
		e.Deliveries = s.deliveries(found, e)
		t.Steps = append(t.Steps, Step{At: e.Created, Event: e})
	}
	// A move is before the events of the same moment: they are of its transaction.
	slices.SortStableFunc(t.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	for i := range t.Steps {
		t.Steps[i].Since = t.Steps[i].At.Sub(t.PlacedAt)
	}
	return t, nil
}

// findings are what the sources know, before they are put together.
type findings struct {
	order  Summary
	events []Event
	inbox  map[deliveryKey]time.Time
	mails  []Mail
	// pending are undelivered messages, by subscription and id of the event.
	pending map[deliveryKey]pubsub.Peeked
	// attempts are the most that a trace shows, by subscription and id of the event.
	attempts map[deliveryKey]int
}

// deliveryKey is the id of an event with a consumer, or a subscription.
type deliveryKey struct {
	consumer string
	event    uuid.UUID
}

// deliveries returns the deliveries of an event to all functions that functions.yaml lists, as far
// as their filters select it.
func (s *Source) deliveries(found *findings, e *Event) []Delivery {
	var deliveries []Delivery
	for _, f := range s.Manifest.Functions {
		if slices.Contains(f.Events, e.Type) && f.Filter.Accepts(e.attributes) {
			deliveries = append(deliveries, s.delivery(found, e, f))
		}
	}
	return deliveries
}

func (s *Source) delivery(found *findings, e *Event, f manifest.Function) Delivery {
	subscription := f.Subscription(e.Type)
	d := Delivery{Function: f.Name, Service: f.Service, Subscription: subscription, State: Unknown}
	d.Attempts = found.attempts[deliveryKey{subscription, e.ID}]
	waiting, waits := found.pending[deliveryKey{subscription, e.ID}]
	letter, dead := found.pending[deliveryKey{f.DeadLetterTopic(e.Type), e.ID}]
	received, done := found.inbox[deliveryKey{f.Name, e.ID}]
	switch {
	case done:
		d.State, d.Received, d.Wait = Done, received, max(received.Sub(e.Created), 0)
	case waits:
		d.State, d.Due, d.Attempts = waiting.State, waiting.Due, max(d.Attempts, waiting.Attempt-1)
		if waiting.State == pubsub.StateInFlight {
			d.Attempts = waiting.Attempt
		}
	case dead:
		d.State, d.Reason, d.Attempts = DeadLetter, letter.Attributes[pubsub.AttributeErrorMessage], deliveryCount(letter)
	case e.Published.IsZero():
		d.State = Unsent
	case s.Undelivered != nil && f.Inbox == manifest.NoInbox:
		d.State = Delivered
	case s.Undelivered != nil:
		d.State = Missing
	}
	for _, mail := range found.mails {
		if f.Service == userService && mailOf(mail, e.ID) && slices.Contains(f.Secrets, smtpSecret) {
			d.Mails = append(d.Mails, mail)
		}
	}
	return d
}

// smtpSecret is the secret of functions that send mail.
const smtpSecret = "SMTP_URL" //nolint:gosec // the name of a secret

// wrap adds the operation to an error.
func wrap(err error, operation string, id uuid.UUID) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of order %s: %w", operation, id, err)
}
