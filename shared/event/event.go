// Package event publishes and receives events with effectively-once semantics. A
// change and its event are one transaction (the outbox), and so are a consumer's
// effect and the record that it was processed (the inbox). Pub/Sub in between may
// deliver late, twice or in any order.
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

// Event is a change of one aggregate of a service.
type Event struct {
	ID            uuid.UUID
	Type          string // the name of the topic it is published to
	Time          time.Time
	AggregateType string
	AggregateID   uuid.UUID
	Payload       json.RawMessage
	// Traceparent is the trace of the request that added the event (W3C Trace Context).
	Traceparent string
}

// Names of the message attributes that form the envelope. Data is the payload.
const (
	attributeID            = "id"
	attributeType          = "type"
	attributeTime          = "time"
	attributeAggregateType = "aggregateType"
	attributeAggregateID   = "aggregateId"
	attributeTraceparent   = "traceparent"
)

// TypeScheduleDue is the type of a scheduler's tick.
const TypeScheduleDue = "schedule-due"

// ticks is the namespace of the ids of ticks (RFC 9562, section 5.5).
var ticks = uuid.MustParse("0d1f5c1e-53a5-4f0e-9a7b-6f0b5b6f7a10")

// Attributes returns the envelope of the event, as message attributes.
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
	return attributes
}

// MaxPushBytes is the limit of a push request: Pub/Sub's largest message is 10 MB, and
// base64 adds a third.
const MaxPushBytes = 14 << 20

// Push is the body of the request that Pub/Sub delivers a message with:
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

// Event reads the envelope. Its error names the missing attribute.
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
	// A message that was published by hand may have no aggregate.
	if id := attributes[attributeAggregateID]; id != "" {
		if e.AggregateID, err = uuid.Parse(id); err != nil {
			return Event{}, fmt.Errorf("message %s: attribute aggregateId: %w", p.Message.MessageID, err)
		}
	}
	return e, nil
}

// Tick reads the message of a scheduler, which has no payload. The attributes of a
// Cloud Scheduler job are the same each time. So the event's id is derived from the
// message's, which does not change when it is delivered again, and its time is the
// publish time.
func (p Push) Tick() (Event, error) {
	if p.Message.MessageID == "" {
		return Event{}, errors.New("the message has no id")
	}
	return Event{
		ID:          uuid.NewSHA1(ticks, []byte(p.Message.MessageID)),
		Type:        TypeScheduleDue,
		Time:        p.Message.PublishTime,
		Payload:     p.Message.Data,
		Traceparent: p.Message.Attributes[attributeTraceparent],
	}, nil
}
