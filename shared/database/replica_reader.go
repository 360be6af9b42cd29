package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// replicaTimeout bounds a statement on the replica, so that there is time to read from
	// the primary.
	replicaTimeout = 2 * time.Second
	// MaxLag is the maximum age of a read. A replica with more lag is not used.
	MaxLag = 5 * time.Second
	// replicaCheckEvery is the interval of a reading instance's checks of the replica.
	replicaCheckEvery = 5 * time.Second
	// A failed replica is checked again after minReplicaPause. The pause doubles with each
	// further failure, up to maxReplicaPause.
	minReplicaPause = time.Second
	maxReplicaPause = 30 * time.Second
)

// ReplicaReader runs queries whose result may be MaxLag old: on the replica while it responds
// and is current, else on the primary. There is no background work: a request performs the
// check that is due.
type ReplicaReader struct {
	primary *DB
	replica *DB // nil without one
	now     func() time.Time

	checking sync.Mutex // locked by the request that checks the replica

	mu        sync.Mutex
	suspended bool          // reads go to the primary
	checkAt   time.Time     // when the replica is checked next
	pause     time.Duration // the last one between checks of a suspended replica
}

// NewReplicaReader returns a new ReplicaReader. Without a replica, it uses the primary.
func NewReplicaReader(primary, replica *DB, now func() time.Time) *ReplicaReader {
	return &ReplicaReader{primary: primary, replica: replica, now: now}
}

// Close closes the connections to the replica. The primary is not closed.
func (r *ReplicaReader) Close() error {
	if r.replica == nil {
		return nil
	}
	return r.replica.Close()
}

// OpenReplica opens the replica of cfg. It returns nil if there is none.
func OpenReplica(cfg Config) (*DB, error) {
	if cfg.ReplicaURL == "" && cfg.ReplicaInstance == "" {
		return nil, nil //nolint:nilnil // a shop without a replica is not an error
	}
	cfg.URL, cfg.InstanceConnectionName = cfg.ReplicaURL, cfg.ReplicaInstance
	if cfg.StatementTimeout == 0 || cfg.StatementTimeout > replicaTimeout {
		cfg.StatementTimeout = replicaTimeout
	}
	db, err := Open(cfg)
	if err != nil {
		return nil, fmt.Errorf("open the replica: %w", err)
	}
	return db, nil
}

// Do runs read. If it fails on the replica, it is run again on the primary.
func (r *ReplicaReader) Do(ctx context.Context, read func(Queryer) error) error {
	if r.replica == nil || !r.useReplica(ctx) {
		return read(r.primary)
	}
	err := read(r.replica)
	if err == nil || errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrNotFound) || ctx.Err() != nil {
		return err
	}
	// The replica has failed if the primary has no error or if err is a state of the server.
	// An error of the statement would be the same on both.
	again := read(r.primary)
	if again == nil || errors.Is(again, sql.ErrNoRows) || errors.Is(again, ErrNotFound) || IsUnavailable(err) {
		r.suspend(ctx, err)
	}
	return again
}

// useReplica checks the replica if that is due, and reports whether to use it. The check does
// not end with the request: its client would otherwise suspend the replica by disconnecting.
func (r *ReplicaReader) useReplica(ctx context.Context) bool {
	if due, suspended := r.state(); !due || !r.checking.TryLock() {
		return !suspended
	}
	defer r.checking.Unlock()
	if due, suspended := r.state(); !due { // another request has just checked it
		return !suspended
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), replicaTimeout)
	defer cancel()
	if err := r.check(ctx); err != nil {
		r.suspend(ctx, err)
		return false
	}
	r.resume(ctx)
	return true
}

func (r *ReplicaReader) state() (due, suspended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.now().Before(r.checkAt), r.suspended
}

func (r *ReplicaReader) suspend(ctx context.Context, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(cause, errLagUnknown):
		r.pause = 0
	case !r.suspended:
		slog.WarnContext(ctx, "reading from the primary", "error", cause)
	}
	if !r.suspended || !r.now().Before(r.checkAt) {
		r.pause = min(max(2*r.pause, minReplicaPause), maxReplicaPause)
		r.checkAt = r.now().Add(r.pause)
	}
	r.suspended = true
}

func (r *ReplicaReader) resume(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.suspended {
		slog.DebugContext(ctx, "reading from the replica")
	}
	r.suspended, r.pause = false, 0
	r.checkAt = r.now().Add(replicaCheckEvery)
}
