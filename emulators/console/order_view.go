package console

import (
	"slices"
	"time"

	"souk/emulators/console/ordertrail"
	"souk/emulators/trace"
)

// orderView is an order as it is drawn.
type orderView struct {
	orderRow

	UserID, Updated, Reservation string
	Version                      int64
	Lines                        []orderLine
	Steps                        []orderStep
	Traces                       []orderTrace
	// Changes are the newest of the order's part of the trail.
	Changes changeList
	// Notes say what is unknown.
	Notes []string
}

type orderLine struct {
	Name, Total string
	Quantity    int64
}

type orderTrace struct{ ID, Name, Duration string }

// orderStep is a change of the status, or an event with its deliveries.
type orderStep struct {
	Since, At string
	// Status, Class, Actor and Reason are of a change.
	Status, Class, Actor, Reason string
	// The others are of an event.
	Event, Service, EventID, TraceID, Payload, Published string
	Deliveries                                           []orderDelivery
}

type orderDelivery struct {
	ordertrail.Delivery

	Class, Took, DueIn string
	// X and Width are the position of its wait in the life of the order.
	X, Width string
}

func newOrderView(t ordertrail.Trail) *orderView {
	v := &orderView{
		orderRow: newOrderRow(t.Summary), UserID: t.UserID.String(), Updated: clock(t.UpdatedAt), Reservation: t.Reservation, Version: t.Version,
	}
	for _, i := range t.Items {
		v.Lines = append(v.Lines, orderLine{i.Name, formatMoney(i.Quantity*i.UnitPrice, t.Currency), i.Quantity})
	}
	whole := lifetime(t)
	for _, s := range t.Steps {
		v.Steps = append(v.Steps, newOrderStep(t, s, whole))
	}
	for _, s := range t.Traces {
		v.Traces = append(v.Traces, orderTrace{s.ID, s.Name, formatDuration(s.Duration)})
	}
	if t.BrokerUnknown {
		v.Notes = append(v.Notes, "The broker's messages cannot be read here: a delivery that is not done has an unknown state.")
	}
	if t.MailsUnknown {
		v.Notes = append(v.Notes, "The mail server does not respond: mails are not shown.")
	}
	return v
}

// lifetime returns the time from the order's placement to the end of its last delivery.
func lifetime(t ordertrail.Trail) time.Duration {
	whole := time.Duration(0)
	for _, s := range t.Steps {
		whole = max(whole, s.Since)
		if s.Event != nil {
			for _, d := range s.Event.Deliveries {
				whole = max(whole, s.Since+d.Wait)
			}
		}
	}
	return whole
}

func newOrderStep(t ordertrail.Trail, s ordertrail.Step, whole time.Duration) orderStep {
	step := orderStep{Since: "+" + formatDuration(s.Since), At: clock(s.At)}
	if s.Since <= 0 {
		step.Since = "0"
	}
	if s.Move != nil {
		step.Status, step.Class, step.Actor, step.Reason = s.Move.Status, statusClass(s.Move.Status), s.Move.Actor, s.Move.Reason
		return step
	}
	e := s.Event
	step.Event, step.Service, step.EventID, step.Payload = e.Type, e.Service, e.ID.String(), indent(e.Payload)
	if slices.ContainsFunc(t.Traces, func(s trace.Summary) bool { return s.ID == e.TraceID }) {
		step.TraceID = e.TraceID
	}
	if step.Published = "waits in the outbox"; !e.Published.IsZero() {
		step.Published = "published after " + formatDuration(e.Published.Sub(e.Created))
	}
	for _, d := range e.Deliveries {
		step.Deliveries = append(step.Deliveries, newOrderDelivery(d, s.Since, whole))
	}
	return step
}

func newOrderDelivery(d ordertrail.Delivery, since, whole time.Duration) orderDelivery {
	out := orderDelivery{Delivery: d, Class: "warn", X: percent(since, whole), Width: percent(d.Wait, whole)}
	switch d.State {
	case ordertrail.Done:
		out.Class, out.Took = "good", formatDuration(d.Wait)
	case ordertrail.Delivered:
		out.Class = "good"
	case ordertrail.DeadLetter, ordertrail.Missing:
		out.Class = "bad"
	}
	if until := time.Until(d.Due); until > 0 {
		out.DueIn = formatDuration(until)
	}
	return out
}
