package apikey

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/manifest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, Migrations, event.Migrations),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// instances are several instances of a service with one clock.
type instances struct {
	t          *testing.T
	db         *database.DB
	statements dbtest.Hook
	offset     atomic.Int64
	reads      atomic.Int64 // of the list of keys
	writes     atomic.Int64
	published  recorder
}

func newInstances(t *testing.T) *instances {
	t.Helper()
	in := &instances{t: t}
	in.statements.Set(in.count)
	in.db = dbtest.Open(t, dbtest.NewProxy(t, dbtest.Create(t, Migrations, event.Migrations), in.statements.Decide).URL, dbtest.PoolSize)
	return in
}

func (in *instances) count(statement string) dbtest.Fate {
	switch {
	case strings.Contains(statement, "secret_grant"):
		if strings.Contains(statement, "SELECT") {
			in.reads.Add(1)
		}
	case dbtest.Changes(statement):
		in.writes.Add(1)
	}
	return dbtest.Pass
}

var start = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func (in *instances) now() time.Time { return start.Add(time.Duration(in.offset.Load())) }

func (in *instances) advance(d time.Duration) { in.offset.Add(int64(d)) }

// open starts an instance.
func (in *instances) open() *List {
	outbox := event.NewOutbox(in.db, &in.published, in.now, nil, event.Permit([]string{UsedTopic.Name()}))
	return NewList(in.db, outbox, in.now)
}

// mustStore stores the state of a key through another instance, as the event function does.
func (in *instances) mustStore(states ...Changed) {
	in.t.Helper()
	for _, c := range states {
		err := in.db.InTx(in.t.Context(), func(ctx context.Context, tx *database.Tx) error { return in.open().Store(ctx, tx, c) })
		if err != nil {
			in.t.Fatal(err)
		}
	}
}

// require fails the test unless the list verifies the secret with an error that is want.
func (in *instances) require(l *List, secret Secret, want error) {
	in.t.Helper()
	if _, err := l.Verify(in.t.Context(), secret.Reveal(), home); !errors.Is(err, want) {
		in.t.Errorf("got %v, want %v", err, want)
	}
}

// home is the address of clients.
var home = netip.MustParseAddr("203.0.113.7")

// newChanged returns the first state of a new key with a secret.
func newChanged(t *testing.T, secrets ...Secret) Changed {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	c := Changed{KeyID: id, Version: 1, Grant: Grant{Scopes: []manifest.Permission{"orders.read"}, RatePerMinute: 600}}
	for _, s := range secrets {
		c.Secrets = append(c.Secrets, NewStoredSecret(s))
	}
	return c
}

// next returns the next state of a key, with a change.
func (c Changed) next(change func(*Changed)) Changed {
	c.Version++
	c.Secrets, c.Scopes, c.Networks = slices.Clone(c.Secrets), slices.Clone(c.Scopes), slices.Clone(c.Networks)
	change(&c)
	return c
}

// revoked returns the last state of a key.
func (c Changed) revoked() Changed {
	return Changed{KeyID: c.KeyID, Version: c.Version + 1, Revoked: true}
}

// recorder is a publisher that records events.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

// Publish implements event.Publisher.
func (r *recorder) Publish(_ context.Context, events []event.Event) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
	return make([]error, len(events))
}
