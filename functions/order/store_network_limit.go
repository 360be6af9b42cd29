package order

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// lockNetworkLimits reads the state of a limit for networks, in the order of their ids, and locks it. A
// network without a row is at its full quota.
func lockNetworkLimits(ctx context.Context, tx *database.Tx, l *networkLimit, networks []uuid.UUID) error {
	rows := make([][]any, len(networks))
	for i, id := range networks {
		rows[i] = []any{l.limit.Name, id[:], l.now}
	}
	if err := database.InsertRows(ctx, tx, "network_limit (name, network, full_at)", "ON DUPLICATE KEY UPDATE full_at = full_at", rows); err != nil {
		return err
	}
	return database.Each(ctx, tx, func(row database.Scanner) error {
		var network uuid.UUID
		var fullAt time.Time
		err := row.Scan(&network, &fullAt)
		l.fullAt[network] = fullAt
		return err
	}, `
		SELECT network, full_at
		FROM network_limit
		WHERE name = ? AND network IN (`+database.Placeholders(len(networks))+`)`, append([]any{l.limit.Name}, database.IDs(networks)...)...)
}

// selectScarceNetworks returns those of the networks whose limit is full after a time.
func selectScarceNetworks(ctx context.Context, q database.Queryer, limit string, at time.Time, networks []uuid.UUID) ([]uuid.UUID, error) {
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT network
		FROM network_limit
		WHERE name = ? AND network IN (`+database.Placeholders(len(networks))+`) AND full_at > ?
		ORDER BY network`, append(append([]any{limit}, database.IDs(networks)...), at)...)
}

// updateNetworkLimits stores the state of a locked limit for networks.
func updateNetworkLimits(ctx context.Context, tx *database.Tx, l *networkLimit, networks []uuid.UUID) error {
	rows := make([][]any, len(networks))
	for i, id := range networks {
		rows[i] = []any{l.limit.Name, id[:], l.fullAt[id]}
	}
	return database.InsertRows(ctx, tx, "network_limit (name, network, full_at)", "ON DUPLICATE KEY UPDATE full_at = VALUES(full_at)", rows)
}

const pruneNetworkLimitsSQL = `DELETE FROM network_limit WHERE full_at < ? ORDER BY full_at LIMIT ?`
