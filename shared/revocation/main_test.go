package revocation

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, Migrations),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// instances are several instances of a service with one clock.
type instances struct {
	t          *testing.T
	db         *database.DB
	statements dbtest.Hook
	offset     atomic.Int64
	reads      atomic.Int64
}

func newInstances(t *testing.T) *instances {
	t.Helper()
	in := &instances{t: t}
	in.statements.Set(in.count)
	in.db = dbtest.Open(t, dbtest.NewProxy(t, dbtest.Create(t, Migrations), in.statements.Decide).URL, dbtest.PoolSize)
	return in
}

// count counts reading statements.
func (in *instances) count(statement string) dbtest.Fate {
	if strings.Contains(statement, "SELECT") {
		in.reads.Add(1)
	}
	return dbtest.Pass
}

var start = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func (in *instances) now() time.Time { return start.Add(time.Duration(in.offset.Load())) }

func (in *instances) advance(d time.Duration) { in.offset.Add(int64(d)) }

// open starts an instance.
func (in *instances) open() *List { return NewList(in.db, in.now) }

// mustStore stores a revocation through another instance, as the event function does.
func (in *instances) mustStore(r Revoked) {
	in.t.Helper()
	err := in.db.InTx(in.t.Context(), func(ctx context.Context, tx *database.Tx) error { return in.open().Store(ctx, tx, r) })
	if err != nil {
		in.t.Fatal(err)
	}
}

// rows returns the number of rows in the table.
func (in *instances) rows() (n int) {
	in.t.Helper()
	if err := in.db.QueryRowContext(in.t.Context(), `SELECT COUNT(*) FROM access_revocation`).Scan(&n); err != nil {
		in.t.Fatal(err)
	}
	return n
}

func newID(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
