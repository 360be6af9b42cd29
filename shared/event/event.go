// Package event tells other services what happened, exactly as often as it
// happened. A change and its event are one transaction (the outbox), and a
// consumer's effect and the note that it was done are one transaction too (the
// inbox), so that what lies between may deliver late, twice or in any order.
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

// Migrations make the outbox and the inbox. Every service's database has them.
var Migrations = database.Migrations{Name: "event", FS: files}

// Event is something that happened to one thing (its aggregate) of a service.
type Event struct {
	ID            uuid.UUID
	Type          string // what happened, and the topic it is published to
	Time          time.Time
	AggregateType string
	AggregateID   uuid.UUID
	Payload       json.RawMessage
	// Traceparent is the trace that the event came about in (W3C Trace Context).
	Traceparent string
}

// Names of the message attributes that make the envelope. Data is the payload.
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

// Event reads the envelope. Its error names what the message lacks.
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
	// What is published by hand may be about no aggregate.
	if id := attributes[attributeAggregateID]; id != "" {
		if e.AggregateID, err = uuid.Parse(id); err != nil {
			return Event{}, fmt.Errorf("message %s: attribute aggregateId: %w", p.Message.MessageID, err)
		}
	}
	return e, nil
}

// Tick reads the message of a scheduler: it says nothing but that it is time. The
// attributes of a Cloud Scheduler job are the same each time, so what an event has
// in them comes from the message instead: the id from the message's, which stays
// when it is delivered again, and the time from when it was published.
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
