package order

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/apikey"
	"souk/shared/event"
)

// Status is the status of an order.
type Status string

// The statuses of an order.
const (
	Pending         Status = "pending"          // placed; its stock is not reserved yet
	AwaitingPayment Status = "awaiting_payment" // its stock is reserved; it must be paid
	Confirmed       Status = "confirmed"        // its stock is reserved, and it is paid if it must be
	// PartiallyShipped: some units are shipped. The order can no longer be cancelled.
	PartiallyShipped Status = "partially_shipped"
	Shipped          Status = "shipped" // all units are shipped
	Delivered        Status = "delivered"
	Rejected         Status = "rejected" // its stock could not be reserved
	Cancelled        Status = "cancelled"
)

// openStatuses are the statuses of open orders: those that have stock, or will have it, and
// of which nothing was shipped.
var openStatuses = []Status{Pending, AwaitingPayment, Confirmed}

// transition describes the allowed changes of an order's status to one new status.
type transition struct {
	to   Status
	from []Status // the allowed previous statuses, the usual one first
	// topic is the topic to which the change is published, the zero Topic if it is not.
	topic event.Topic[StatusChanged]
	// operation is the operation that requests the change, "" if only events cause it.
	operation string
	// conflictCode is the problem code of the operation's response for an order whose
	// status is not in from.
	conflictCode string
}

// isShipped reports whether units of an order with status s were shipped.
func (s Status) isShipped() bool { return s == PartiallyShipped || s == Shipped || s == Delivered }

// isPublished reports whether the transition has a topic.
func (t transition) isPublished() bool { return t.topic.Name() != "" }

// Transition is an allowed change of an order's status. It is for programs that check the
// stored orders.
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

// orderPlaced is the topic of the events that request a stock reservation.
var orderPlaced = event.NewTopic[Placed]("order-placed", "order")

// Topics lists the topics that the service publishes to.
var Topics = func() []event.AnyTopic {
	topics := []event.AnyTopic{orderPlaced, orderAdopted, shipmentCreated, returnCreated, returnReceived, returnRejected, returnCancelled, apikey.UsedTopic}
	for _, t := range transitions {
		if t.isPublished() {
			topics = append(topics, t.topic)
		}
	}
	return topics
}()

// transitionTo returns the transition to a status other than pending.
func transitionTo(to Status) transition {
	return transitions[slices.IndexFunc(transitions, func(t transition) bool { return t.to == to })]
}

// conflictCode returns the problem code of the response to a request for a change of status
// that is not allowed.
func conflictCode(to Status) string { return transitionTo(to).conflictCode }

// CanTransitionTo reports whether an order with status s may change to another status.
func (s Status) CanTransitionTo(to Status) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.to == to && slices.Contains(t.from, s) })
}

// Schema implements huma.SchemaProvider with the list of statuses.
func (Status) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString, Enum: []any{string(Pending)}}
	for _, t := range transitions {
		schema.Enum = append(schema.Enum, string(t.to))
	}
	schema.PrecomputeMessages()
	return schema
}
