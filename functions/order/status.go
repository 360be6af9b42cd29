package order

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/event"
)

// Status is the state of an order.
type Status string

// The states of an order.
const (
	Pending   Status = "pending"   // placed; stock-reserve has not decided yet
	Confirmed Status = "confirmed" // its stock is reserved
	Shipped   Status = "shipped"
	Delivered Status = "delivered"
	Rejected  Status = "rejected" // its stock could not be reserved
	Cancelled Status = "cancelled"
)

// transition describes how an order reaches a state.
type transition struct {
	to   Status
	from []Status // the states from which it is reached, the usual one first
	// topic is the topic on which the transition is published, if it is.
	topic event.Topic[Decided]
	// by is the operation that requests the transition; empty if only events cause it.
	by string
	// refusal is the problem code of a request for the transition from another state.
	refusal string
}

// isPublished reports whether the transition has an event.
func (t transition) isPublished() bool { return t.topic.Name() != "" }

// Transition is one way of an order into a state, for programs that check orders.
type Transition struct {
	From, To Status
	Topic    string // "" if it is not published
}

// Transitions returns all transitions of placed orders.
func Transitions() []Transition {
	var all []Transition
	for _, t := range transitions {
		for _, from := range t.from {
			all = append(all, Transition{From: from, To: t.to, Topic: t.topic.Name()})
		}
	}
	return all
}

// orderPlaced is the topic of the events that request an order's stock.
var orderPlaced = event.NewTopic[Placed]("order-placed", "order")

// Topics lists the topics that the service publishes to.
var Topics = func() []event.AnyTopic {
	topics := []event.AnyTopic{orderPlaced}
	for _, t := range transitions {
		if t.isPublished() {
			topics = append(topics, t.topic)
		}
	}
	return topics
}()

// transitionTo returns the transition into a state that is not pending.
func transitionTo(to Status) transition {
	return transitions[slices.IndexFunc(transitions, func(t transition) bool { return t.to == to })]
}

// refusal returns the problem code of a request for a state that the order cannot reach.
func refusal(to Status) string { return transitionTo(to).refusal }

// May reports whether an order may change from one state to another.
func (s Status) May(to Status) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.to == to && slices.Contains(t.from, s) })
}

// Schema implements huma.SchemaProvider with the list of states.
func (Status) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString, Enum: []any{string(Pending)}}
	for _, t := range transitions {
		schema.Enum = append(schema.Enum, string(t.to))
	}
	schema.PrecomputeMessages()
	return schema
}
