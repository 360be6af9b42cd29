package revocation

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// requireRevoked fails the test unless revoked is whether the list revokes the principal's
// tokens.
func (in *instances) requireRevoked(l *List, p auth.Principal, revoked bool) {
	in.t.Helper()
	switch err := l.Check(in.t.Context(), p); {
	case revoked && !errors.Is(err, auth.ErrRevoked):
		in.t.Errorf("got %v, want ErrRevoked", err)
	case !revoked && err != nil:
		in.t.Errorf("got %v, want a valid token", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	user, session, other := newID(t), newID(t), newID(t)
	token := func(userID, sessionID uuid.UUID, version int64) auth.Principal {
		return auth.Principal{UserID: userID, SessionID: sessionID, RightsVersion: version, Role: auth.Customer}
	}
	for name, test := range map[string]struct {
		stored  []Revoked
		token   auth.Principal
		revoked bool
	}{
		"nothing":                           {nil, token(user, session, 1), false},
		"earlier rights":                    {[]Revoked{OfUser(user, 2)}, token(user, session, 1), true},
		"rights without a version":          {[]Revoked{OfUser(user, 2)}, token(user, uuid.Nil, 0), true},
		"the rights from then on":           {[]Revoked{OfUser(user, 2)}, token(user, session, 2), false},
		"another user":                      {[]Revoked{OfUser(other, 2)}, token(user, session, 1), false},
		"the session":                       {[]Revoked{OfSession(user, session)}, token(user, session, 7), true},
		"another session":                   {[]Revoked{OfSession(user, other)}, token(user, session, 7), false},
		"a token without a session":         {[]Revoked{OfSession(user, other)}, token(user, uuid.Nil, 7), false},
		"an event that arrives again":       {[]Revoked{OfUser(user, 2), OfUser(user, 2)}, token(user, session, 1), true},
		"a late event with a lower version": {[]Revoked{OfUser(user, 3), OfUser(user, 2)}, token(user, session, 2), true},
		"the version of the latest event":   {[]Revoked{OfUser(user, 3), OfUser(user, 2)}, token(user, session, 3), false},
		"events of all kinds":               {[]Revoked{OfSession(user, session), OfUser(user, 2), OfUser(other, 9)}, token(user, session, 3), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstances(t)
			running, crowded := in.open(), in.open()
			crowded.limit = 0
			in.requireRevoked(running, test.token, false)
			for _, r := range test.stored {
				in.mustStore(r)
			}
			in.advance(MaxAge)
			in.requireRevoked(running, test.token, test.revoked)
			in.requireRevoked(in.open(), test.token, test.revoked)
			in.requireRevoked(crowded, test.token, test.revoked)
		})
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	p := auth.Principal{UserID: newID(t), SessionID: newID(t), RightsVersion: 1}
	mustRead := func(in *instances, want int64) {
		in.t.Helper()
		if got := in.reads.Swap(0); got != want {
			in.t.Errorf("%d statements, want %d", got, want)
		}
	}

	t.Run("reads once in two seconds for any number of requests, and not without one", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l := in.open()
		for _, pause := range []time.Duration{0, freshFor, MaxAge, time.Hour} {
			in.advance(pause)
			mustRead(in, 0)
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { in.requireRevoked(l, p, false) })
			}
			all.Wait()
			in.advance(freshFor - time.Millisecond)
			in.requireRevoked(l, p, false)
			mustRead(in, 1)
		}
	})
	t.Run("sees a row that was committed after a later read began", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l := in.open()
		err := in.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if err := in.open().Store(ctx, tx, OfUser(p.UserID, 2)); err != nil {
				return err
			}
			in.advance(overlap / 2)
			in.requireRevoked(l, p, false)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		in.advance(freshFor)
		in.requireRevoked(l, p, true)
	})
	t.Run("reads all when the clock was set back", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l := in.open()
		in.advance(time.Hour)
		in.requireRevoked(l, p, false)
		in.advance(-time.Hour)
		in.mustStore(OfUser(p.UserID, 2))
		in.requireRevoked(l, p, true)
	})
	t.Run("refuses a token that cannot be checked", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l := in.open()
		in.requireRevoked(l, p, false)
		in.statements.Set(func(string) dbtest.Fate { return dbtest.CutBefore })
		in.requireRevoked(l, p, false) // the copy is fresh
		for _, check := range []*List{l, in.open()} {
			in.advance(MaxAge)
			if err := check.Check(t.Context(), p); err == nil || errors.Is(err, auth.ErrRevoked) || !database.IsUnavailable(err) {
				t.Errorf("got %v, want an error of the database", err)
			}
		}
		in.statements.Set(in.count)
		in.mustStore(OfUser(p.UserID, 2))
		in.advance(freshFor)
		in.requireRevoked(l, p, true)
	})
}

// TestCrowded stores more rows than a copy may have: requests read their own rows by key,
// and a copy is tried again a minute later.
func TestCrowded(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	l := in.open()
	l.limit = 3
	first := newID(t)
	in.mustStore(OfUser(first, 2))
	in.requireRevoked(l, auth.Principal{UserID: first, RightsVersion: 1}, true)
	for range l.limit {
		in.mustStore(OfUser(newID(t), 2))
	}
	check := func(reads int64) {
		t.Helper()
		in.reads.Store(0)
		in.requireRevoked(l, auth.Principal{UserID: first, RightsVersion: 1}, true)
		in.requireRevoked(l, auth.Principal{UserID: first, RightsVersion: 2}, false)
		if got := in.reads.Load(); got != reads {
			t.Errorf("%d statements, want %d", got, reads)
		}
	}
	in.advance(MaxAge)
	check(3) // one that finds too many, and two by key
	in.advance(MaxAge)
	check(2)
	if len(l.entries) != 0 {
		t.Errorf("the copy still has %d rows", len(l.entries))
	}
	if _, err := in.db.ExecContext(t.Context(), `DELETE FROM access_revocation WHERE subject <> ?`, first[:]); err != nil {
		t.Fatal(err)
	}
	in.advance(crowdedFor)
	check(1)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	l := in.open()
	p := auth.Principal{UserID: newID(t), RightsVersion: 1}
	in.mustStore(OfUser(p.UserID, 2))
	sweep := func(want int) {
		t.Helper()
		if err := l.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := in.rows(); got != want {
			t.Errorf("%d rows, want %d", got, want)
		}
	}
	in.advance(auth.AccessTokenLifetime) // the last token has expired
	sweep(1)
	in.requireRevoked(l, p, true)
	in.advance(Retention)
	sweep(0)
	in.requireRevoked(l, p, false)
	if len(l.entries) != 0 {
		t.Errorf("the copy still has %d rows", len(l.entries))
	}
}

func TestStoreRefusesEmptyRevocations(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	id := newID(t)
	for name, r := range map[string]Revoked{
		"nothing": {}, "a user alone": {UserID: id}, "a version alone": {RightsVersion: 2}, "a version below 1": {UserID: id, RightsVersion: -1},
		"a session without id": OfSession(id, uuid.Nil), "both": {UserID: id, SessionID: &id, RightsVersion: 2},
	} {
		err := in.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return in.open().Store(ctx, tx, r) })
		if err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	if got := in.rows(); got != 0 {
		t.Errorf("%d rows, want none", got)
	}
}
