package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxHeartbeatAge is the maximum age at which the replica's heartbeat is conclusive. It is
// older after a time without readers, when replication may have stopped. The next check, a
// second later, finds the heartbeat that this one writes.
const maxHeartbeatAge = 3 * MaxLag

// The reasons for not reading from a replica that responds.
var (
	errLag        = fmt.Errorf("the replica is more than %s behind the primary", MaxLag)
	errLagUnknown = errors.New("there were no reads for some time, so it is unknown whether the replica is current")
)

// heartbeat is the only row of the table replica_heartbeat: when a reader last wrote it on the
// primary, and the time before that. The two are at least MaxLag apart.
type heartbeat struct{ BeatenAt, PreviousAt time.Time }

// readHeartbeat returns a server's heartbeat, zero if there is none yet, and the server's
// time.
func readHeartbeat(ctx context.Context, q Queryer) (h heartbeat, now time.Time, err error) {
	err = q.QueryRowContext(ctx, `SELECT beaten_at, previous_at, UTC_TIMESTAMP(6) FROM replica_heartbeat WHERE id = 1`).
		Scan(&h.BeatenAt, &h.PreviousAt, &now)
	if errors.Is(err, sql.ErrNoRows) {
		err = q.QueryRowContext(ctx, `SELECT UTC_TIMESTAMP(6)`).Scan(&now)
	}
	return h, now, err
}

// check returns the reason for not reading from the replica. The replica lags if it does not
// have the newest heartbeat that is at least MaxLag old. That detects a lag of MaxLag by the
// next check, using only the primary's clock, and also a stopped replication, which the
// server's "seconds behind" does not. It costs a read on both servers every 5 s for each
// reading instance, and one write every 5 s in total.
//
// While the primary does not respond, the lag is unknown and the replica is preferred.
func (r *ReplicaReader) check(ctx context.Context) error {
	onReplica, _, err := readHeartbeat(ctx, r.replica)
	if err != nil {
		return fmt.Errorf("read the replica's heartbeat: %w", err)
	}
	onPrimary, now, err := readHeartbeat(ctx, r.primary)
	if err != nil {
		return ignoreUnavailable(fmt.Errorf("read the primary's heartbeat: %w", err))
	}
	expected := onPrimary.PreviousAt
	if now.Sub(onPrimary.BeatenAt) >= MaxLag {
		expected = onPrimary.BeatenAt
		if err := r.beat(ctx, onPrimary, now); err != nil {
			return ignoreUnavailable(err)
		}
	}
	switch {
	case onReplica.BeatenAt.Before(expected):
		return errLag
	case now.Sub(onReplica.BeatenAt) > maxHeartbeatAge:
		return errLagUnknown
	}
	return nil
}

// beat writes the next heartbeat, unless another reader has done so.
func (r *ReplicaReader) beat(ctx context.Context, last heartbeat, now time.Time) error {
	statement, args := `
		UPDATE replica_heartbeat SET previous_at = beaten_at, beaten_at = ?
		WHERE id = 1 AND beaten_at = ?`, []any{now, last.BeatenAt}
	if last.BeatenAt.IsZero() {
		statement, args = `
			INSERT IGNORE INTO replica_heartbeat (id, beaten_at, previous_at)
			VALUES (1, ?, ?)`, []any{now, now}
	}
	_, err := r.primary.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("write the heartbeat: %w", err)
	}
	return nil
}

func ignoreUnavailable(err error) error {
	if IsUnavailable(err) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
