// Package event publishes and receives events with effectively-once semantics. A
// change and its event are written in one transaction (the outbox), and so are a
// consumer's effect and the id of the event that caused it (the inbox). Pub/Sub in
// between may deliver late, twice or in any order.
package event

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations create the outbox and the inbox, which every service's database has.
var Migrations = database.Migrations{Name: "event", FS: files}

// Event is a change of one aggregate of a service: an entity that is changed as a whole,
// such as an order with its items.
type Event struct {
	ID            uuid.UUID
	Type          string // the name of the topic it is published to
	Time          time.Time
	AggregateType string
	AggregateID   uuid.UUID
	Payload       json.RawMessage
	// Traceparent is the trace of the request that added the event (W3C Trace Context).
	Traceparent string
	// Extra are message attributes besides the envelope, for filters of subscriptions:
	// see Attributed.
	Extra map[string]string
}

// Attributed is implemented by payloads whose events have message attributes besides the
// envelope. The filter of a subscription reads attributes only, so that messages that a
// function does not need cost no delivery. Functions read the payload, which has the same
// values.
type Attributed interface {
	// EventAttributes returns the attributes by name, nil if there are none.
	EventAttributes() map[string]string
}

// Names of the message attributes that form the envelope: all of an event except its
// payload, which is the message's data.
const (
	attributeID            = "id"
	attributeType          = "type"
	attributeTime          = "time"
	attributeAggregateType = "aggregateType"
	attributeAggregateID   = "aggregateId"
	attributeTraceparent   = "traceparent"
)

// TypeTick is the type of a tick: the event that a scheduler publishes each time a
// scheduled function is due.
const TypeTick = "schedule-due"

// tickNamespace is the namespace of the name-based ids of ticks (RFC 9562, section 5.5).
var tickNamespace = uuid.MustParse("0d1f5c1e-53a5-4f0e-9a7b-6f0b5b6f7a10")

// Attributes returns the event's envelope as message attributes, and its extra attributes.
func (e Event) Attributes() map[string]string {
	attributes := map[string]string{
		attributeID:            e.ID.String(),
		attributeType:          e.Type,
		attributeTime:          e.Time.UTC().Format(time.RFC3339Nano),
		attributeAggregateType: e.AggregateType,
		attributeAggregateID:   e.AggregateID.String(),
	}
	if e.Traceparent != "" {
		attributes[attributeTraceparent] = e.Traceparent
	}
	for name, value := range e.Extra {
		if _, isEnvelope := attributes[name]; !isEnvelope {
			attributes[name] = value
		}
	}
	return attributes
}

// MaxPushBytes is the maximum size of the body of a push request: a message has at most
// 10 MB, and base64 adds a third.
const MaxPushBytes = 14 << 20

// Push is the body of the request with which Pub/Sub delivers a message:
// https://cloud.google.com/pubsub/docs/push#properties_of_a_push_request
type Push struct {
	Message struct {
		Data        []byte            `json:"data"`
		Attributes  map[string]string `json:"attributes"`
		MessageID   string            `json:"messageId"`
		PublishTime time.Time         `json:"publishTime"`
	} `json:"message"`
	Subscription string `json:"subscription"`
	// DeliveryAttempt counts from 1. It is 0 for a subscription without a
	// dead-letter topic.
	DeliveryAttempt int `json:"deliveryAttempt"`
}

// Event returns the event that the message contains. Its error names the attribute that
// is missing or invalid.
func (p Push) Event() (Event, error) {
	attributes := p.Message.Attributes
	e := Event{
		Type:          attributes[attributeType],
		AggregateType: attributes[attributeAggregateType],
		Traceparent:   attributes[attributeTraceparent],
		Payload:       p.Message.Data,
	}
	var err error
	if e.ID, err = uuid.Parse(attributes[attributeID]); err != nil {
		return Event{}, fmt.Errorf("message %s: attribute id: %w", p.Message.MessageID, err)
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, attributes[attributeTime]); err != nil {
		return Event{}, fmt.Errorf("message %s: attribute time: %w", p.Message.MessageID, err)
	}
	if e.Type == "" {
		return Event{}, fmt.Errorf("message %s: attribute type is missing", p.Message.MessageID)
	}
	// A message that an operator published by hand may have no aggregate.
	if id := attributes[attributeAggregateID]; id != "" {
		if e.AggregateID, err = uuid.Parse(id); err != nil {
			return Event{}, fmt.Errorf("message %s: attribute aggregateId: %w", p.Message.MessageID, err)
		}
	}
	return e, nil
}

// Tick returns the tick that the message contains. Cloud Scheduler publishes the same
// attributes each time, so that they can contain neither an id nor a time. The tick's id
// is therefore derived from the message's id, which is the same in every delivery of the
// message, and its time is the message's publish time.
func (p Push) Tick() (Event, error) {
	if p.Message.MessageID == "" {
		return Event{}, errors.New("the message has no id")
	}
	return Event{
		ID:          uuid.NewSHA1(tickNamespace, []byte(p.Message.MessageID)),
		Type:        TypeTick,
		Time:        p.Message.PublishTime,
		Payload:     p.Message.Data,
		Traceparent: p.Message.Attributes[attributeTraceparent],
	}, nil
}
