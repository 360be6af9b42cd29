package webhook

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const (
	// maxResent is how many deliveries one request sends again.
	maxResent = 1000
	// resendable is how old a delivery may be: it must not be deleted before it is sent.
	resendable = retention - deliveryTTL
)

type resendInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		EventID *uuid.UUID     `json:"eventId,omitempty" format:"uuid" doc:"Only this event."`
		From    *time.Time     `json:"from,omitempty" doc:"Only events that occurred at this time or later."`
		Until   *time.Time     `json:"until,omitempty" doc:"Only events that occurred before this time."`
		State   *DeliveryState `json:"state,omitempty" enum:"delivered,failed" doc:"Only deliveries in this state. Without it, those that failed, or the event in eventId in either state." example:"failed"`
	}
}

// Resent is what a request to send again has done.
type Resent struct {
	Count    int        `json:"count" doc:"The number of deliveries that are sent again." example:"12"`
	NextFrom *time.Time `json:"nextFrom,omitempty" doc:"There are more in the range: send this as from. Absent at the end."`
}

type resendOutput struct{ Body Resent }

// resend handles POST /v1/webhooks/{id}/resend.
//
// # Send events again
//
// Sends one event or those of a range of time again, at most 1,000 with one request, the earliest
// first, and with the same ids: the header webhook-id is that of the first time, so that receivers
// recognize what they have processed. Pending deliveries do not change. Deliveries of the last 27
// days can be sent again.
func (s *service) resend(ctx context.Context, tx *database.Tx, in *resendInput) (*resendOutput, error) {
	e, err := lockSubscriber(ctx, tx, in.ID)
	if err != nil {
		return nil, endpointError("resend to", in.ID, err)
	}
	if e.status != Enabled {
		return nil, disabledProblem()
	}
	now := s.Now()
	selected, out, err := in.selectDeliveries(ctx, tx, now)
	if err != nil {
		return nil, err
	}
	ids, resources := make([]uuid.UUID, len(selected)), make([]uuid.UUID, len(selected))
	for i, d := range selected {
		ids[i], resources[i] = d.EventID, d.ResourceID
	}
	if err := setPending(ctx, tx, e.id, ids, now); err != nil {
		return nil, err
	}
	promoted, err := promote(ctx, tx, e.id, distinct(resources), now)
	if err != nil || promoted == 0 {
		return out, err
	}
	if err := setNextAt(ctx, tx, e.id, now); err != nil || e.isTriggered(now) {
		return out, err
	}
	return out, topicDue.Add(ctx, tx, s.Outbox, e.id, DueEvent{e.id})
}

// selectDeliveries returns the deliveries to send again.
func (in *resendInput) selectDeliveries(ctx context.Context, tx *database.Tx, now time.Time) ([]Delivery, *resendOutput, error) {
	out := &resendOutput{}
	oldest := now.Add(-resendable)
	from, until, state := time.Time{}, now.Add(time.Hour), DeliveryState("") // clocks differ
	set(&from, in.Body.From)
	set(&until, in.Body.Until)
	set(&state, in.Body.State)
	if in.Body.EventID != nil {
		d, err := selectDelivery(ctx, tx, in.ID, *in.Body.EventID)
		if err != nil {
			return nil, nil, deliveryError(in.ID, *in.Body.EventID, err)
		}
		if d.State == Pending || state != "" && d.State != state || d.CreatedAt.Before(oldest) || d.OccurredAt.Before(from) || !d.OccurredAt.Before(until) {
			return nil, out, nil
		}
		out.Body.Count = 1
		return []Delivery{d}, out, nil
	}
	deliveries, err := selectRange(ctx, tx, in.ID, cmp.Or(state, Failed), from, until, oldest)
	if err != nil {
		return nil, nil, fmt.Errorf("read the deliveries to endpoint %s to send again: %w", in.ID, err)
	}
	if len(deliveries) > maxResent {
		out.Body.NextFrom = &deliveries[maxResent].OccurredAt
		deliveries = deliveries[:maxResent]
	}
	out.Body.Count = len(deliveries)
	return deliveries, out, nil
}
