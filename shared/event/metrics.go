package event

import (
	"context"
	"database/sql"
	"fmt"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"souk/shared/database"
	"souk/shared/telemetry"
)

// countDuplicate counts an event that a consumer has processed before.
func countDuplicate(ctx context.Context, consumer string, e Event) {
	telemetry.MetricsFrom(ctx).Add(telemetry.InboxDuplicates, 1,
		semconv.MessagingConsumerGroupName(consumer), semconv.MessagingDestinationName(e.Type))
}

// measureAge sets the metric of the age of the oldest pending event, if metrics are
// exported.
func (o *Outbox) measureAge(ctx context.Context) error {
	metrics := telemetry.MetricsFrom(ctx)
	if metrics == nil {
		return nil
	}
	oldest, err := database.Get(ctx, o.db, database.ScanColumn[sql.NullTime], `
		SELECT MIN(created_at)
		FROM outbox FORCE INDEX (outbox_by_publication)
		WHERE published_at IS NULL`)
	if err != nil {
		return fmt.Errorf("read the age of the outbox: %w", err)
	}
	age := 0.0
	if oldest.Valid {
		age = o.now().Sub(oldest.Time).Seconds()
	}
	metrics.Add(telemetry.OutboxAge, age)
	return nil
}
