package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// Attempt is a request to an endpoint.
type Attempt struct {
	Number       int        `json:"number" doc:"The number of the attempt, from 1." example:"1"`
	AttemptedAt  time.Time  `json:"attemptedAt"`
	Milliseconds int64      `json:"milliseconds" doc:"How long the request took." example:"87"`
	Status       int        `json:"status,omitempty" doc:"The status of the response. Absent without a response." example:"200"`
	Error        ErrorClass `json:"error,omitempty" enum:"status,redirect,timeout,forbidden_target,dns,tls,connection" doc:"Why the attempt failed. Absent if it was successful." example:"status"`
	Response     string     `json:"response,omitempty" doc:"The first 1,024 bytes of the body of the response." example:"ok"`
}

type attemptListInput struct {
	ID      uuid.UUID `path:"id" format:"uuid"`
	EventID uuid.UUID `path:"eventId" format:"uuid"`
	api.PageQuery
}

type attemptListOutput struct{ Body api.Page[Attempt] }

// attemptList handles GET /v1/webhooks/{id}/deliveries/{eventId}/attempts.
//
// # List attempts of a delivery
//
// The requests that were sent, the first one first.
func (s *service) attemptList(ctx context.Context, in *attemptListInput) (*attemptListOutput, error) {
	after := 0
	if err := in.Cursor(&after); err != nil {
		return nil, err
	}
	if _, err := selectEndpoint(ctx, s.DB, in.ID); err != nil {
		return nil, endpointError("list the attempts of", in.ID, err)
	}
	if _, err := selectDelivery(ctx, s.DB, in.ID, in.EventID); err != nil {
		return nil, deliveryError(in.ID, in.EventID, err)
	}
	attempts, err := selectAttempts(ctx, s.DB, in.ID, in.EventID, after, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list the attempts of event %s to endpoint %s: %w", in.EventID, in.ID, err)
	}
	page, err := api.NewPage(in.PageQuery, attempts, func(a Attempt) any { return a.Number })
	if err != nil {
		return nil, fmt.Errorf("list the attempts of event %s to endpoint %s: %w", in.EventID, in.ID, err)
	}
	return &attemptListOutput{Body: page}, nil
}

// deliveryError returns the error of reading a delivery: a 404 if there is none.
func deliveryError(endpointID, eventID uuid.UUID, err error) error {
	if errors.Is(err, database.ErrNotFound) {
		return api.NotFound("delivery", eventID)
	}
	return fmt.Errorf("read delivery of event %s to endpoint %s: %w", eventID, endpointID, err)
}
