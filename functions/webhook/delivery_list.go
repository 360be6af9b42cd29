package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
)

type deliveryListInput struct {
	ID    uuid.UUID     `path:"id" format:"uuid"`
	State DeliveryState `query:"state" enum:"pending,delivered,failed" doc:"Only deliveries in this state." example:"failed"`
	api.PageQuery
}

type deliveryListOutput struct{ Body api.Page[Delivery] }

// deliveryCursor is the key of a page of deliveries.
type deliveryCursor struct {
	OccurredAt time.Time
	EventID    uuid.UUID
}

// deliveryList handles GET /v1/webhooks/{id}/deliveries.
//
// # List deliveries to a webhook
//
// The events that were or are to be sent, those that occurred last first. They are stored for 30
// days.
func (s *service) deliveryList(ctx context.Context, in *deliveryListInput) (*deliveryListOutput, error) {
	cursor := deliveryCursor{}
	before := maxSortKey
	if err := in.Cursor(&cursor); err != nil {
		return nil, err
	}
	if !cursor.OccurredAt.IsZero() {
		before = newSortKey(cursor.OccurredAt, cursor.EventID)
	}
	if _, err := selectEndpoint(ctx, s.DB, in.ID); err != nil {
		return nil, endpointError("list the deliveries to", in.ID, err)
	}
	deliveries, err := selectDeliveries(ctx, s.DB, in.ID, in.State, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list the deliveries to endpoint %s: %w", in.ID, err)
	}
	page, err := api.NewPage(in.PageQuery, deliveries, func(d Delivery) any { return deliveryCursor{d.OccurredAt, d.EventID} })
	if err != nil {
		return nil, fmt.Errorf("list the deliveries to endpoint %s: %w", in.ID, err)
	}
	return &deliveryListOutput{Body: page}, nil
}
