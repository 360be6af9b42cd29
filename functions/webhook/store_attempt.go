package webhook

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertAttempts stores the attempts of outcomes. One that exists does not change: a run that has
// lost its lease has made another at the same time.
func insertAttempts(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, outcomes []outcome) error {
	rows := make([][]any, len(outcomes))
	for i := range outcomes {
		o := &outcomes[i]
		rows[i] = []any{endpointID[:], o.eventID[:], o.attempts + 1, o.at, o.took.Milliseconds(), o.status, o.class, o.response}
	}
	err := database.InsertRows(ctx, tx, "attempt (endpoint_id, event_id, number, attempted_at, milliseconds, status, error, response)",
		"ON DUPLICATE KEY UPDATE endpoint_id = attempt.endpoint_id", rows)
	if err != nil {
		return fmt.Errorf("store %d attempts to endpoint %s: %w", len(rows), endpointID, err)
	}
	return nil
}
