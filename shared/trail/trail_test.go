package trail

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	account, product := uuid.New(), uuid.New()
	ctx := requestContext(t, "product-update", auth.Principal{UserID: account, Role: "manager"})
	mustRecord(ctx, t, db, Change{Resource: "product", ID: product, Before: Fields{"name": "Assam"}, After: Fields{"name": "Assam, 250 g"}, At: start})
	mustRecord(ctx, t, db, Change{Resource: "product", ID: product, Before: Fields{"name": "same"}, After: Fields{"name": "same"}, At: start})
	mustRecord(requestContext(t, "session-delete", auth.Principal{UserID: account, Role: auth.Customer}), t, db, Change{Resource: "role", Name: "support", At: start.Add(-time.Second)})

	want := []Entry{
		{
			At: start, Operation: "product-update", Actor: EntryActor{Kind: Staff, ID: &account, Role: "manager"},
			Resource: EntryResource{Kind: "product", ID: &product}, Changes: []FieldChange{{Field: "name", Before: "Assam", After: "Assam, 250 g"}},
			RequestID: "request-product-update", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		},
		{
			At: start.Add(-time.Second), Operation: "session-delete", Actor: EntryActor{Kind: Customer, ID: &account, Role: "customer"},
			Resource: EntryResource{Kind: "role", Name: "support"}, Changes: []FieldChange{},
			RequestID: "request-session-delete", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		},
	}
	if diff := cmp.Diff(want, mustList(t, db, ListInput{})); diff != "" {
		t.Errorf("the entries differ (-want +got):\n%s", diff)
	}
}

func TestActors(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	for name, c := range map[string]struct {
		principal auth.Principal
		want      Actor
	}{
		"a function":       {want: Actor{Kind: Function}},
		"a customer":       {auth.Principal{UserID: id, Role: auth.Customer}, Actor{Customer, id, auth.Customer}},
		"staff":            {auth.Principal{UserID: id, Role: auth.Owner}, Actor{Staff, id, auth.Owner}},
		"a role of a shop": {auth.Principal{UserID: id, Role: "packing"}, Actor{Staff, id, "packing"}},
		"a guest":          {auth.Principal{UserID: id, Role: auth.Guest}, Actor{Kind: Guest, ID: id}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, ActorFrom(requestContext(t, "x", c.principal))); diff != "" {
				t.Errorf("the actor differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBatch checks that a batch of changes is one statement, and that each entry has the context of
// its own message.
func TestBatch(t *testing.T) {
	t.Parallel()
	var inserts atomic.Int64
	proxy := dbtest.NewProxy(t, dbtest.Create(t, Migrations), func(statement string) dbtest.Fate {
		if strings.Contains(statement, "INSERT INTO trail") {
			inserts.Add(1)
		}
		return dbtest.Pass
	})
	db := dbtest.Open(t, proxy.URL, 1)
	var changes []Change
	for _, name := range []string{"a", "b", "c"} {
		changes = append(changes, Change{Resource: "order", ID: uuid.New(), At: start, After: Fields{"status": name}, Context: requestContext(t, name, auth.Principal{})})
	}
	mustRecord(t.Context(), t, db, changes...)
	if n := inserts.Load(); n != 1 {
		t.Errorf("%d statements inserted %d entries, want 1", n, len(changes))
	}
	for _, e := range mustList(t, db, ListInput{}) {
		if e.Changes[0].After != e.Operation || e.RequestID != "request-"+e.Operation {
			t.Errorf("the entry is of another message: %+v", e)
		}
	}
	mustRecord(requestContext(t, "import", auth.Principal{}), t, db, make1000(start)...)
	if n := inserts.Load(); n != 3 {
		t.Errorf("1,000 entries were inserted by %d statements, want 2", n-1)
	}
}

func make1000(at time.Time) []Change {
	changes := make([]Change, 1000)
	for i := range changes {
		changes[i] = Change{Resource: "product", ID: uuid.New(), At: at, After: Fields{"stock": i}}
	}
	return changes
}

func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	for name, c := range map[string]struct {
		ctx    context.Context //nolint:containedctx // of a case
		change Change
	}{
		"a change without a resource":     {requestContext(t, "x", auth.Principal{}), Change{At: start}},
		"a change without a time":         {requestContext(t, "x", auth.Principal{}), Change{Resource: "order"}},
		"a struct without tags":           {requestContext(t, "x", auth.Principal{}), Change{Resource: "order", At: start, After: struct{ Name string }{"x"}}},
		"a value that is not a resource":  {requestContext(t, "x", auth.Principal{}), Change{Resource: "order", At: start, After: 7}},
		"the name of a resource, if long": {requestContext(t, "x", auth.Principal{}), Change{Resource: "role", Name: strings.Repeat("n", 65), At: start}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := db.InTx(c.ctx, func(ctx context.Context, tx *database.Tx) error { return Record(ctx, tx, c.change) })
			if err == nil {
				t.Error("it was recorded")
			}
		})
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	person, other := uuid.New(), uuid.New()
	mustRecord(requestContext(t, "by-person", auth.Principal{UserID: person, Role: auth.Customer}), t, db, Change{Resource: "order", ID: other, At: start})
	mustRecord(requestContext(t, "of-person", auth.Principal{UserID: other, Role: auth.Owner}), t, db, Change{Resource: "user", ID: person, At: start.Add(-1)})
	mustRecord(requestContext(t, "of-others", auth.Principal{UserID: other, Role: auth.Owner}), t, db, Change{Resource: "user", ID: other, At: start.Add(-2)})
	if err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return Erase(ctx, tx, person) }); err != nil {
		t.Fatal(err)
	}
	entries := mustList(t, db, ListInput{})
	if len(entries) != 3 {
		t.Fatalf("%d entries remain, want 3", len(entries))
	}
	for _, e := range entries {
		switch {
		case e.Operation == "by-person" && e.Actor.ID == nil && e.Actor.Kind == Customer && e.RequestID == "" && *e.Resource.ID == other:
		case e.Operation == "of-person" && e.Resource.ID == nil && *e.Actor.ID == other:
		case e.Operation == "of-others" && *e.Resource.ID == other && *e.Actor.ID == other && e.RequestID != "":
		default:
			t.Errorf("an entry is %+v", e)
		}
	}
}

// TestLockResources requires the resources of one account, of the given operations, since a time.
func TestLockResources(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	person, other := uuid.New(), uuid.New()
	created, rotated := uuid.New(), uuid.New()
	for _, c := range []struct {
		by        uuid.UUID
		operation string
		id        uuid.UUID
		at        time.Time
	}{
		{person, "key-create", uuid.New(), start.Add(-time.Second)},
		{person, "key-create", created, start},
		{person, "key-rotate", created, start.Add(time.Second)},
		{person, "key-rotate", rotated, start.Add(time.Second)},
		{person, "key-revoke", uuid.New(), start.Add(time.Second)},
		{other, "key-create", uuid.New(), start.Add(time.Second)},
	} {
		mustRecord(requestContext(t, c.operation, auth.Principal{UserID: c.by, Role: auth.Owner}), t, db, Change{Resource: "key", ID: c.id, At: c.at})
	}
	var found []uuid.UUID
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) (err error) {
		found, err = LockResources(ctx, tx, person, start, "key-create", "key-rotate")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || !slices.Contains(found, created) || !slices.Contains(found, rotated) {
		t.Errorf("the resources are %s, want %s and %s", found, created, rotated)
	}
}

// TestEraseGuests requires that entries of other actors and resources remain as they are.
func TestEraseGuests(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	order, other, checkout := uuid.New(), uuid.New(), uuid.New()
	guest := auth.Principal{UserID: checkout, Role: auth.Guest}
	mustRecord(requestContext(t, "erased", guest), t, db, Change{Resource: "order", ID: order, At: start})
	mustRecord(requestContext(t, "other-order", guest), t, db, Change{Resource: "order", ID: other, At: start.Add(-1)})
	mustRecord(requestContext(t, "staff", auth.Principal{UserID: other, Role: auth.Owner}), t, db, Change{Resource: "order", ID: order, At: start.Add(-2)})
	if err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return EraseGuests(ctx, tx, []uuid.UUID{order}) }); err != nil {
		t.Fatal(err)
	}
	entries := mustList(t, db, ListInput{})
	if len(entries) != 3 {
		t.Fatalf("%d entries remain, want 3", len(entries))
	}
	for _, e := range entries {
		isErased := e.Actor.ID == nil && e.RequestID == ""
		if isErased != (e.Operation == "erased") || *e.Resource.ID == uuid.Nil {
			t.Errorf("an entry is %+v", e)
		}
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	ctx := requestContext(t, "x", auth.Principal{})
	mustRecord(ctx, t, db, make1000(start.Add(-Retention-time.Millisecond))...)
	mustRecord(ctx, t, db, Change{Resource: "order", At: start.Add(-Retention)})
	if err := Prune(t.Context(), db, start); err != nil {
		t.Fatal(err)
	}
	if entries := mustList(t, db, ListInput{}); len(entries) != 1 || entries[0].Resource.Kind != "order" {
		t.Errorf("%d entries remain, want the one within the retention", len(entries))
	}
}
