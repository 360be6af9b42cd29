package order

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// maxReturns is the maximum number of returns of an order, maxCustomerReturns that of those which its customer has
// created. Both include cancelled ones: each sends mails, and the shop must be able to create others.
const (
	maxReturns         = 100
	maxCustomerReturns = 10
)

// The topics of the events about returns. return-received refunds and restocks the units. return-rejected is
// about a return of which nothing has arrived or was accepted; older versions published return-received
// without lines for it.
var (
	returnCreated   = event.NewTopic[ReturnChanged]("return-created", "order")
	returnReceived  = event.NewTopic[ReturnChanged]("return-received", "order")
	returnRejected  = event.NewTopic[ReturnChanged]("return-rejected", "order")
	returnCancelled = event.NewTopic[ReturnChanged]("return-cancelled", "order")
)

// Reasons in the history of an order, of entries about its returns. They do not change its status.
const (
	reasonReturnRequested = "return_requested"
	reasonReturnReceived  = "return_received"
	reasonReturnRejected  = "return_rejected"
	reasonReturnCancelled = "return_cancelled"
)

// ReturnReasons are the reasons in the history of an order that do not change its status, also that of
// withdrawn units. They are for programs that check the stored orders.
var ReturnReasons = []string{reasonReturnRequested, reasonReturnReceived, reasonReturnRejected, reasonReturnCancelled, reasonUnitsWithdrawn}

// ReturnStatus is the status of a return.
type ReturnStatus string

// The statuses of a return.
const (
	ReturnRequested ReturnStatus = "requested" // the units are on their way back
	ReturnReceived  ReturnStatus = "received"  // units have arrived
	ReturnRejected  ReturnStatus = "rejected"  // none has arrived or was accepted
	ReturnCancelled ReturnStatus = "cancelled" // the units are not expected any more
)

// Schema implements huma.SchemaProvider with the list of statuses.
func (ReturnStatus) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString, Enum: []any{string(ReturnRequested), string(ReturnReceived), string(ReturnRejected), string(ReturnCancelled)}}
	schema.PrecomputeMessages()
	return schema
}

// Return are units of an order that come back.
type Return struct {
	ID             uuid.UUID    `json:"id" format:"uuid"`
	Status         ReturnStatus `json:"status" doc:"requested: the units are expected. received: units have arrived. rejected: none has arrived or was accepted. cancelled: the units are not expected any more, and can be in another return."`
	Lines          []ReturnLine `json:"lines" nullable:"false"`
	Reason         string       `json:"reason,omitempty" doc:"The customer's reason. It is absent after the customer's account was deleted." example:"does not fit"`
	RequestedBy    ActorKind    `json:"requestedBy" enum:"customer,shop"`
	Refund         bool         `json:"refund" doc:"Whether the received units are refunded, if the order was paid."`
	RefundShipping bool         `json:"refundShipping" doc:"Whether the shipping is refunded with them."`
	CreatedAt      time.Time    `json:"createdAt"`
	ClosedAt       *time.Time   `json:"closedAt,omitempty" doc:"When the return was received, rejected or cancelled."`
}

// ReturnLine is a number of units of an item in a return.
type ReturnLine struct {
	Units

	Received int64 `json:"received" doc:"The units that have arrived." example:"1"`
	Restock  bool  `json:"restock" doc:"Whether the received units are for sale again."`
}

// ReturnChanged is the payload of return-created, with the announced units, of return-received, with those
// that have arrived, and of return-rejected and return-cancelled, without any.
type ReturnChanged struct {
	OrderID  uuid.UUID       `json:"orderId"`
	Number   string          `json:"number,omitempty"` // absent for an order that has none yet
	UserID   uuid.UUID       `json:"userId"`
	ReturnID uuid.UUID       `json:"returnId"`
	Lines    []ReturnedUnits `json:"lines"`
	// Refund is whether the units are to be refunded, RefundShipping whether the shipping is.
	Refund         bool `json:"refund"`
	RefundShipping bool `json:"refundShipping"`
	// Payment is PaymentRequired, or empty for an order without payment.
	Payment Payment `json:"payment,omitempty"`
	// Email and Name are those of an order's own, which was placed without an account.
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
	// CancelledBy is the party that cancelled the return. It is absent in the other events.
	CancelledBy ActorKind `json:"cancelledBy,omitempty" enum:"customer,shop"`
}

// ReturnedUnits are units of an item in the payload of an event about a return.
type ReturnedUnits struct {
	UnitsInEvent

	// Restock is whether the units are for sale again.
	Restock bool `json:"restock"`
}

// EventAttributes implements event.Attributed.
func (e ReturnChanged) EventAttributes() map[string]string { return paymentAttributes(e.Payment) }

// returnable returns the units of an item that were shipped, and neither have come back nor are
// in a return that is expected.
func (o *Order) returnable(item *Item) int64 {
	units := item.Shipped - item.Returned
	for i := range o.Returns {
		if r := &o.Returns[i]; r.isOpen() {
			if line := r.find(item.ProductID); line != nil {
				units -= line.Quantity
			}
		}
	}
	return max(units, 0) // units of an open return may have come back without it
}

// isOpen reports whether the units of a return are expected.
func (r *Return) isOpen() bool { return r.Status == ReturnRequested }

// checkReturns returns a problem if the caller cannot create another return.
func (o *Order) checkReturns(actor Actor) *api.Problem {
	if len(o.Returns) >= maxReturns {
		return api.NewProblem(http.StatusConflict, codeTooManyReturns, "An order has at most %d returns.", maxReturns)
	}
	created := 0
	for i := range o.Returns {
		if o.Returns[i].RequestedBy == Customer {
			created++
		}
	}
	if actor.Kind == Customer && created >= maxCustomerReturns {
		return api.NewProblem(http.StatusConflict, codeTooManyReturns, "A customer creates at most %d returns of an order, with cancelled ones. Ask the shop.", maxCustomerReturns)
	}
	return nil
}

// codeTooManyReturns is the code of the problem of an order that has the maximum number of returns.
const codeTooManyReturns = "too_many_returns"

// openReturn returns a return of the order whose units are expected. The error is a problem if there is none.
func (o *Order) openReturn(id uuid.UUID) (*Return, error) {
	i := slices.IndexFunc(o.Returns, func(r Return) bool { return r.ID == id })
	if i < 0 {
		return nil, api.NotFound("return", id)
	}
	r := &o.Returns[i]
	if !r.isOpen() {
		return nil, api.NewProblem(http.StatusConflict, codeReturnClosed, "The return is %s already. Create another one for units that have come back since.", r.Status)
	}
	return r, nil
}

// codeReturnClosed is the code of the problem of a return whose units are not expected.
const codeReturnClosed = "return_closed"

// newReturnResponse returns the response of an operation that has changed a return. Its reason is the customer's
// own words: callers that may not read the order do not get it.
func (o *Order) newReturnResponse(ctx context.Context, r *Return) *returnOutput {
	response := &returnOutput{*r}
	if !o.mayRead(ctx) {
		response.Body.Reason = ""
	}
	return response
}

// find returns the line of a product, nil without one.
func (r *Return) find(product uuid.UUID) *ReturnLine {
	i := slices.IndexFunc(r.Lines, func(line ReturnLine) bool { return line.ProductID == product })
	if i < 0 {
		return nil
	}
	return &r.Lines[i]
}

// addReturn adds a return to the order. Its lines are counted by countReturn.
func (o *Order) addReturn(r Return) *Return {
	o.Returns = append(o.Returns, r)
	return &o.Returns[len(o.Returns)-1]
}

// countReturn adds the units of a line of a return to its item.
func (o *Order) countReturn(r *Return, line ReturnLine) {
	if item := o.item(line.ProductID); item != nil && !r.isOpen() {
		item.Returned += line.Received
	}
}

// newReturnChanged returns the payload of an event about a return.
func (o *Order) newReturnChanged(r *Return) ReturnChanged {
	e := ReturnChanged{
		OrderID: o.ID, Number: o.Number, UserID: o.UserID, ReturnID: r.ID, Lines: []ReturnedUnits{}, Refund: r.Refund, RefundShipping: r.RefundShipping,
		Payment: o.Payment.inEvent(), Email: o.Email, Name: o.Name,
	}
	for _, line := range r.Lines {
		units := line.Units
		if !r.isOpen() {
			units.Quantity = line.Received
		}
		if units.Quantity > 0 {
			e.Lines = append(e.Lines, ReturnedUnits{o.unitsInEvent([]Units{units})[0], line.Restock})
		}
	}
	return e
}

// recordReturn records a change of a return in the history of its order, which increases the
// version, and publishes it.
func (s *service) recordReturn(ctx context.Context, tx *database.Tx, o *Order, r *Return, reason string, actor Actor, topic event.Topic[ReturnChanged]) error {
	o.addHistory(o.Status, reason, actor, s.Now())
	err := saveStatusChanges(ctx, tx, o.Status, o.UpdatedAt, []historyRow{{order: o}})
	if err == nil {
		err = trail.Record(ctx, tx, trail.Change{Resource: resourceOrder, ID: o.ID, After: trail.Fields{"return": r.fields()}, At: o.UpdatedAt})
	}
	if err != nil {
		return fmt.Errorf("record return %s of order %s: %w", r.ID, o.ID, err)
	}
	e := o.newReturnChanged(r)
	if r.Status == ReturnCancelled {
		e.CancelledBy = actor.Kind
	}
	return topic.Add(ctx, tx, s.Outbox, o.ID, e)
}

// fields returns what the trail has of a return. Its reason is free text.
func (r *Return) fields() trail.Fields {
	return trail.Fields{"id": r.ID, "status": r.Status, "lines": r.Lines, "refund": r.Refund, "refundShipping": r.RefundShipping}
}
