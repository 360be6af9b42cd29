package webhook

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type testInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type testOutput struct{ Body Delivery }

// test handles POST /v1/webhooks/{id}/test.
//
// # Send a test event
//
// Sends an event of the type webhook.test, whatever the types of the webhook are, as any other. The
// response is its delivery: list its attempts to see the result.
func (s *service) test(ctx context.Context, tx *database.Tx, in *testInput) (*testOutput, error) {
	e, err := lockSubscriber(ctx, tx, in.ID)
	if err != nil {
		return nil, endpointError("test", in.ID, err)
	}
	if e.status != Enabled {
		return nil, disabledProblem()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create an id: %w", err)
	}
	now := s.Now()
	payload, err := newPayload(id, typeTest, now, TestData{e.id})
	if err != nil {
		return nil, err
	}
	d := newDelivery{eventID: id, resourceID: id, occurredAt: now, name: typeTest, payload: payload}
	isDue, err := addDeliveries(ctx, tx, e, []newDelivery{d}, now)
	if err != nil {
		return nil, err
	}
	if isDue {
		if err := topicDue.Add(ctx, tx, s.Outbox, e.id, DueEvent{e.id}); err != nil {
			return nil, err
		}
	}
	created, err := selectDelivery(ctx, tx, e.id, id)
	if err != nil {
		return nil, fmt.Errorf("read delivery of event %s to endpoint %s: %w", id, e.id, err)
	}
	return &testOutput{Body: created}, nil
}

// disabledProblem returns the problem for an operation that needs an enabled endpoint.
func disabledProblem() *api.Problem {
	return api.NewProblem(http.StatusConflict, "webhook_disabled", "The webhook is disabled: nothing would be sent. Enable it with PATCH, then send the request again.")
}
