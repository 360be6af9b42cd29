package apikey

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/manifest"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	secret, earlier, other := NewSecret(Live), NewSecret(Live), NewSecret(Live)
	later := func(d time.Duration) *time.Time { at := start.Add(MaxAge + d); return &at }
	for name, test := range map[string]struct {
		change func(*Changed) // of the first state of a key with secret
		send   Secret
		from   string
		want   error
	}{
		"a key":                               {nil, secret, "", nil},
		"another secret":                      {nil, other, "", ErrUnknown},
		"a key that expires later":            {func(c *Changed) { c.ExpiresAt = later(time.Microsecond) }, secret, "", nil},
		"a key that expires now":              {func(c *Changed) { c.ExpiresAt = later(0) }, secret, "", ErrExpired},
		"a key that has expired":              {func(c *Changed) { c.ExpiresAt = later(-time.Hour) }, secret, "", ErrExpired},
		"the new secret during the overlap":   {func(c *Changed) { c.Secrets = rotated(secret, earlier, later(1)) }, secret, "", nil},
		"the former secret in the overlap":    {func(c *Changed) { c.Secrets = rotated(other, secret, later(time.Microsecond)) }, secret, "", nil},
		"the former secret after the overlap": {func(c *Changed) { c.Secrets = rotated(other, secret, later(0)) }, secret, "", ErrUnknown},
		"a secret that was replaced":          {func(c *Changed) { c.Secrets = rotated(other, earlier, later(1)) }, secret, "", ErrUnknown},
		"a network that is allowed":           {func(c *Changed) { c.Networks = []string{"198.51.100.0/24", "203.0.113.0/29"} }, secret, "203.0.113.7", nil},
		"a network that is not allowed":       {func(c *Changed) { c.Networks = []string{"203.0.113.0/29"} }, secret, "203.0.113.8", ErrNetwork},
		"an IPv6 network that is allowed":     {func(c *Changed) { c.Networks = []string{"2001:db8::/32"} }, secret, "2001:db8:ffff::1", nil},
		"an IPv6 network that is not":         {func(c *Changed) { c.Networks = []string{"2001:db8::/33"} }, secret, "2001:db8:ffff::1", ErrNetwork},
		"IPv6 for a network of IPv4":          {func(c *Changed) { c.Networks = []string{"0.0.0.0/0"} }, secret, "2001:db8::1", ErrNetwork},
		"no address, with a network":          {func(c *Changed) { c.Networks = []string{"0.0.0.0/0", "::/0"} }, secret, "-", ErrNetwork},
		"no address, without a network":       {nil, secret, "-", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstances(t)
			running := in.open()
			in.require(running, test.send, ErrUnknown)
			c := newChanged(t, secret)
			if test.change != nil {
				test.change(&c)
			}
			in.mustStore(c)
			in.advance(MaxAge)
			client := home
			if test.from != "" {
				client, _ = netip.ParseAddr(test.from) // not valid for "-"
			}
			for _, l := range []*List{running, in.open()} {
				key, err := l.Verify(t.Context(), test.send.Reveal(), client)
				if !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				if want := (Key{ID: c.KeyID, Scopes: []manifest.Permission{"orders.read"}}); err == nil && !cmp.Equal(want, key) {
					t.Errorf("(-want +got):\n%s", cmp.Diff(want, key))
				}
			}
		})
	}
}

// rotated returns the secrets of a key after a rotation.
func rotated(current, former Secret, until *time.Time) []StoredSecret {
	stored := NewStoredSecret(former)
	stored.Until = until
	return []StoredSecret{NewStoredSecret(current), stored}
}

// TestOrderOfEvents delivers the events of a key in random orders, with repetitions: the last state
// applies, and a revoked key remains revoked.
func TestOrderOfEvents(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	for round := range 40 {
		secrets := []Secret{NewSecret(Live), NewSecret(Live), NewSecret(Live)}
		states := []Changed{newChanged(t, secrets[0])}
		for _, s := range secrets[1:] {
			states = append(states, states[len(states)-1].next(func(c *Changed) { c.Secrets = []StoredSecret{NewStoredSecret(s)} }))
		}
		last := secrets[len(secrets)-1]
		revoked := round%2 == 0
		if revoked {
			states = append(states, states[len(states)-1].revoked())
		}
		deliveries := slices.Concat(states, states)
		rand.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		in.mustStore(deliveries...)
		l := in.open()
		for _, s := range secrets {
			if s == last && !revoked {
				in.require(l, s, nil)
			} else {
				in.require(l, s, ErrUnknown)
			}
		}
		var version int64
		if err := in.db.QueryRowContext(t.Context(), `SELECT version FROM api_key_replica WHERE key_id = ?`, states[0].KeyID[:]).Scan(&version); err != nil {
			t.Fatal(err)
		}
		if want := int64(len(states)); version != want {
			t.Errorf("the stored version is %d, want %d", version, want)
		}
	}
}

// TestConcurrentEvents stores the states of a key concurrently.
func TestConcurrentEvents(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	secret := NewSecret(Live)
	states := []Changed{newChanged(t, secret)}
	for range 9 {
		states = append(states, states[len(states)-1].next(func(c *Changed) { c.RatePerMinute++ }))
	}
	states = append(states, states[len(states)-1].revoked())
	var all sync.WaitGroup
	for _, c := range states {
		all.Go(func() { in.mustStore(c) })
	}
	all.Wait()
	in.require(in.open(), secret, ErrUnknown)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	t.Run("reads once in two seconds for any number of requests, and not without one", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l := in.open()
		for _, pause := range []time.Duration{0, freshFor, MaxAge, time.Hour} {
			in.advance(pause)
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { in.require(l, NewSecret(Live), ErrUnknown) })
			}
			all.Wait()
			in.advance(freshFor - time.Millisecond)
			in.require(l, NewSecret(Live), ErrUnknown)
			if got := in.reads.Swap(0); got != 1 {
				t.Errorf("%d statements, want 1", got)
			}
		}
	})
	t.Run("sees a change of its own instance at once", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l, secret := in.open(), NewSecret(Live)
		c := newChanged(t, secret)
		for _, state := range []struct {
			c    Changed
			want error
		}{{c, nil}, {c.revoked(), ErrUnknown}} {
			err := in.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return l.Store(ctx, tx, state.c) })
			if err != nil {
				t.Fatal(err)
			}
			in.require(l, secret, state.want)
		}
	})
	t.Run("refuses a key that cannot be checked", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l, secret := in.open(), NewSecret(Live)
		in.mustStore(newChanged(t, secret))
		in.require(l, secret, nil)
		in.statements.Set(func(string) dbtest.Fate { return dbtest.CutBefore })
		in.require(l, secret, nil) // the copy is fresh, and the instance has a block
		in.advance(MaxAge)
		for _, check := range []*List{l, in.open()} {
			if _, err := check.Verify(t.Context(), secret.Reveal(), home); !database.IsUnavailable(err) {
				t.Errorf("got %v, want an error of the database", err)
			}
		}
		in.statements.Set(in.count)
		in.require(l, secret, nil)
	})
	t.Run("reads all when the clock was set back", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		l, secret := in.open(), NewSecret(Live)
		in.advance(time.Hour)
		in.require(l, secret, ErrUnknown)
		in.advance(-time.Hour)
		in.mustStore(newChanged(t, secret))
		in.require(l, secret, nil)
	})
	t.Run("leaves out a key that it cannot decode", func(t *testing.T) {
		t.Parallel()
		in := newInstances(t)
		secret, id := NewSecret(Live), uuid.New()
		in.mustStore(newChanged(t, secret))
		_, err := in.db.ExecContext(t.Context(), `INSERT INTO api_key_replica (key_id, version, revoked, secret_grant, stored_at) VALUES (?, 1, FALSE, '{', ?)`, id[:], start)
		if err != nil {
			t.Fatal(err)
		}
		in.require(in.open(), secret, nil)
	})
}

func TestStoreRefusesInvalidStates(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	for name, change := range map[string]func(*Changed){
		"no id":             func(c *Changed) { c.KeyID = uuid.Nil },
		"no version":        func(c *Changed) { c.Version = 0 },
		"no secret":         func(c *Changed) { c.Secrets = nil },
		"a secret in clear": func(c *Changed) { c.Secrets[0].Hash = NewSecret(Live).Reveal() },
		"a short hash":      func(c *Changed) { c.Secrets[0].Hash = c.Secrets[0].Hash[:62] },
		"no rate":           func(c *Changed) { c.RatePerMinute = 0 },
		"a wrong network":   func(c *Changed) { c.Networks = []string{"home"} },
	} {
		c := newChanged(t, NewSecret(Live))
		change(&c)
		err := in.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return in.open().Store(ctx, tx, c) })
		if err == nil {
			t.Errorf("a key with %s was stored", name)
		}
	}
}

// TestPrune requires that revoked keys remain for long, so that late events do not restore them.
func TestPrune(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	l, secrets := in.open(), []Secret{NewSecret(Live), NewSecret(Live)}
	valid, ended := newChanged(t, secrets[0]), newChanged(t, secrets[1])
	in.mustStore(valid, ended, ended.revoked())
	in.require(l, secrets[0], nil)
	sweep := func(keys, uses int) {
		t.Helper()
		if err := l.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		var gotKeys, gotUses int
		err := in.db.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM api_key_replica), (SELECT COUNT(*) FROM api_key_use)`).Scan(&gotKeys, &gotUses)
		if err != nil || gotKeys != keys || gotUses != uses {
			t.Errorf("%d keys and %d uses, want %d and %d, error %v", gotKeys, gotUses, keys, uses, err)
		}
	}
	in.advance(tombstoneRetention)
	sweep(2, 0)
	in.mustStore(ended) // late
	in.require(in.open(), secrets[1], ErrUnknown)
	in.advance(time.Minute)
	in.require(l, secrets[0], nil)
	sweep(1, 1)
}

func TestReportUses(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	first, second := NewSecret(Live), NewSecret(Live)
	a, b := newChanged(t, first), newChanged(t, second)
	in.mustStore(a, b)
	l := in.open()
	report := func(want ...string) {
		t.Helper()
		in.published.events = nil
		for range 2 {
			if err := in.open().ReportUses(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, e := range in.published.events {
			got = append(got, string(e.Payload))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
	use := func(c Changed, hour string) string {
		return fmt.Sprintf(`{"keyId":"%s","usedAt":"2026-05-06T%s:00:00Z"}`, c.KeyID, hour)
	}
	report()
	for range 100 { // several blocks
		in.require(l, first, nil)
	}
	report(`{"uses":[` + use(a, "07") + `]}`)
	in.require(l, first, nil)
	in.require(in.open(), first, nil)
	report()
	in.advance(time.Hour)
	in.require(l, first, nil)
	in.require(l, second, nil)
	report(`{"uses":[` + use(a, "08") + `,` + use(b, "08") + `]}`)
}

func TestSelectGrant(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	c := newChanged(t, NewSecret(Live))
	until := start.Add(time.Hour)
	c.ExpiresAt, c.Networks = &until, []string{"203.0.113.0/24"}
	in.mustStore(c)
	grant, err := SelectGrant(t.Context(), in.db, c.KeyID)
	if diff := cmp.Diff(c.Grant, grant); err != nil || diff != "" {
		t.Errorf("error %v, (-stored +read):\n%s", err, diff)
	}
	in.mustStore(c.revoked())
	if _, err := SelectGrant(t.Context(), in.db, c.KeyID); !errors.Is(err, database.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound for a revoked key", err)
	}
}
