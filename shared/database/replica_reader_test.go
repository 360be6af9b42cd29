package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// readers has a primary and a replica without lag.
type readers struct {
	*database.ReplicaReader
	primary, replica *database.DB
	at               time.Time
}

func newReaders(t *testing.T) *readers {
	t.Helper()
	r := &readers{primary: dbtest.New(t), replica: dbtest.New(t), at: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}
	for db, name := range map[*database.DB]string{r.primary: "primary", r.replica: "replica"} {
		mustExec(t, db, "CREATE TABLE replica_heartbeat (id TINYINT PRIMARY KEY, beaten_at DATETIME(6) NOT NULL, previous_at DATETIME(6) NOT NULL)")
		mustExec(t, db, "INSERT INTO replica_heartbeat VALUES (1, UTC_TIMESTAMP(6), '2000-01-01')")
		mustExec(t, db, "CREATE TABLE place (name VARCHAR(20) PRIMARY KEY)")
		mustExec(t, db, "INSERT INTO place VALUES (?)", name)
	}
	r.ReplicaReader = database.NewReplicaReader(r.primary, r.replica, func() time.Time { return r.at })
	return r
}

func (r *readers) requireReadFrom(t *testing.T, want string) {
	t.Helper()
	var got string
	err := r.Do(t.Context(), func(q database.Queryer) error {
		return q.QueryRowContext(t.Context(), "SELECT name FROM place").Scan(&got)
	})
	if err != nil || got != want {
		t.Errorf("got %q, %v, want that of the %s", got, err, want)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	t.Run("use the primary while the replica fails and check the replica at growing intervals", func(t *testing.T) {
		t.Parallel()
		r := newReaders(t)
		r.requireReadFrom(t, "replica")
		mustExec(t, r.replica, "RENAME TABLE place TO elsewhere")
		r.requireReadFrom(t, "primary")
		mustExec(t, r.replica, "RENAME TABLE elsewhere TO place, replica_heartbeat TO elsewhere")
		r.requireReadFrom(t, "primary")
		for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			r.at = r.at.Add(pause)
			r.requireReadFrom(t, "primary") // the check failed
		}
		mustExec(t, r.replica, "RENAME TABLE elsewhere TO replica_heartbeat")
		r.at = r.at.Add(7 * time.Second)
		r.requireReadFrom(t, "primary") // not checked yet
		r.at = r.at.Add(time.Second)
		r.requireReadFrom(t, "replica")
	})
	t.Run("use the replica while the primary is unreachable", func(t *testing.T) {
		t.Parallel()
		r := newReaders(t)
		if err := r.primary.Close(); err != nil {
			t.Fatal(err)
		}
		closed, err := database.Open(database.Config{URL: "mysql://root@127.0.0.1:1/souk"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closed.Close() })
		r.ReplicaReader = database.NewReplicaReader(closed, r.replica, func() time.Time { return r.at })
		r.requireReadFrom(t, "replica")
	})
	t.Run("return the error of a statement that fails on both", func(t *testing.T) {
		t.Parallel()
		r := newReaders(t)
		err := r.Do(t.Context(), func(q database.Queryer) error {
			_, err := q.ExecContext(t.Context(), "SELECT nothing FROM place")
			return err
		})
		if err == nil {
			t.Error("a statement with an error succeeds")
		}
		r.requireReadFrom(t, "replica")
	})
	t.Run("end with the request", func(t *testing.T) {
		t.Parallel()
		r := newReaders(t)
		r.requireReadFrom(t, "replica")
		ctx, cancel := context.WithCancel(t.Context())
		reads := 0
		err := r.Do(ctx, func(database.Queryer) error {
			reads++
			cancel()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || reads != 1 {
			t.Errorf("got %v after %d reads", err, reads)
		}
	})
	t.Run("use the replica after a request that ended before its check", func(t *testing.T) {
		t.Parallel()
		r := newReaders(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Do(ctx, func(database.Queryer) error { return ctx.Err() }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		r.requireReadFrom(t, "replica")
	})
}
