package webhook

import (
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type updateInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		URL         *string      `json:"url,omitempty" format:"uri" minLength:"1" maxLength:"2048" doc:"Where events are sent to: an https URL that is reachable from the Internet." example:"https://example.com/hooks/souk"`
		EventTypes  *[]EventType `json:"eventTypes,omitempty" minItems:"1" maxItems:"50" uniqueItems:"true" doc:"The types of the events that are sent from now on." example:"[\"order.confirmed\"]"`
		Description *string      `json:"description,omitempty" maxLength:"500" doc:"For staff." example:"Warehouse"`
		Status      *Status      `json:"status,omitempty" enum:"enabled,disabled" doc:"enabled sends what has waited, beginning with the earliest event of each resource; disabled sends nothing." example:"enabled"`
	}
}

// Resolve implements huma.Resolver.
func (in *updateInput) Resolve(huma.Context) []error {
	if in.Body.EventTypes == nil {
		return nil
	}
	return checkTypes(*in.Body.EventTypes)
}

// update handles PATCH /v1/webhooks/{id}.
//
// # Update a webhook
//
// Changes the fields that are sent. The status enabled also ends the wait after failed attempts:
// what is pending is sent at once.
func (s *service) update(ctx context.Context, in *updateInput) (*endpointResponse, error) {
	var e Endpoint
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		if e, err = lockEndpoint(ctx, tx, in.ID); err != nil {
			return err
		}
		if err := in.Check(e.Version); err != nil {
			return err
		}
		before := e
		in.apply(&e)
		if errs := s.check(e.EndpointFields); len(errs) > 0 {
			return api.InvalidFields(errs)
		}
		e.Version++
		e.UpdatedAt, e.FailingSince = s.Now(), nil
		var subscribedAt time.Time
		if !slices.Equal(e.EventTypes, before.EventTypes) {
			subscribedAt = e.UpdatedAt
		}
		if err := updateEndpoint(ctx, tx, &e, subscribedAt); err != nil {
			return err
		}
		if err := trail.Record(ctx, tx, e.change(&before, e.UpdatedAt)); err != nil || e.Status != Enabled {
			return err
		}
		return topicDue.Add(ctx, tx, s.Outbox, e.ID, DueEvent{e.ID})
	})
	if err != nil {
		return nil, endpointError("update", in.ID, err)
	}
	return newEndpointResponse(e), nil
}

// apply sets the fields that are sent.
func (in *updateInput) apply(e *Endpoint) {
	set(&e.URL, in.Body.URL)
	set(&e.EventTypes, in.Body.EventTypes)
	set(&e.Description, in.Body.Description)
	if in.Body.Status == nil || *in.Body.Status == e.Status {
		return
	}
	e.Status, e.DisabledReason = *in.Body.Status, ""
	if e.Status == Disabled {
		e.DisabledReason = ByStaff
	}
}

// set sets a field if a value is sent.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
