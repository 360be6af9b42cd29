package shoptrail_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/emulators/console/shoptrail"
	order "souk/functions/order/migrations"
	product "souk/functions/product/migrations"
	user "souk/functions/user/migrations"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/trail"
)

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// open returns the databases of three services with changes of every fifth second.
func open(t *testing.T) map[string]*database.DB {
	t.Helper()
	databases := map[string]*database.DB{
		"order":   dbtest.New(t, append(function.Migrations(), order.All)...),
		"product": dbtest.New(t, append(function.Migrations(), product.All)...),
		"user":    dbtest.New(t, append(function.Migrations(), user.All)...),
	}
	second := 0
	for range 5 {
		for _, service := range []string{"order", "product", "user"} {
			ctx := trail.WithOperation(t.Context(), service+"-update")
			change := trail.Change{Resource: service, ID: uuid.New(), At: start.Add(time.Duration(second) * time.Second), After: trail.Fields{"second": second}}
			err := databases[service].InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return trail.Record(ctx, tx, change) })
			if err != nil {
				t.Fatal(err)
			}
			second += 5
		}
	}
	return databases
}

// newFurther returns a source with the only entry of an order, which is not in the table trail.
func newFurther(orderID uuid.UUID) map[string]trail.Source {
	entry := trail.Entry{At: start.Add(7 * time.Second), Operation: "order-place", Resource: trail.NewEntryResource("order", orderID)}
	return map[string]trail.Source{"order": func(_ context.Context, _ database.Queryer, _ trail.Filter, cursor string, _ int) ([]trail.Item, error) {
		if cursor != "" {
			return nil, nil
		}
		return []trail.Item{{Entry: entry, Cursor: "1"}}, nil
	}}
}

// collect reads all pages of a list.
func collect(t *testing.T, databases map[string]*database.DB, further map[string]trail.Source, in trail.ListInput) (entries []trail.Entry) {
	t.Helper()
	for {
		page, err := shoptrail.List(t.Context(), databases, further, &in)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page.Items...)
		if page.NextPageToken == "" {
			return entries
		}
		in.PageToken = page.NextPageToken
	}
}

// TestList requires that pages of all services are merged by time, each entry once, and that filters select
// among all of them.
func TestList(t *testing.T) {
	t.Parallel()
	databases, orderID := open(t), uuid.New()
	further := newFurther(orderID)
	for _, size := range []int{1, 3, 100} {
		entries := collect(t, databases, further, trail.ListInput{PageQuery: api.PageQuery{PageSize: size}})
		byTime := func(a, b trail.Entry) int { return b.At.Compare(a.At) }
		if len(entries) != 16 || !slices.IsSortedFunc(entries, byTime) {
			t.Errorf("pages of %d have %d entries, want 16 by time: %+v", size, len(entries), entries)
		}
		if len(entries) > 13 && entries[13].Operation != "order-place" {
			t.Errorf("the entry 13 is of %s, want that of the further source", entries[13].Operation)
		}
	}
	for name, c := range map[string]struct {
		in   trail.ListInput
		want string
	}{
		"a kind":       {trail.ListInput{Resource: "order"}, "order-update order-update order-update order-update order-place order-update"},
		"an order":     {trail.ListInput{ResourceID: uuid.NullUUID{UUID: orderID, Valid: true}}, "order-place"},
		"an operation": {trail.ListInput{Operation: "user-update"}, "user-update user-update user-update user-update user-update"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var operations []string
			for _, e := range collect(t, databases, further, c.in) {
				operations = append(operations, e.Operation)
			}
			if got := strings.Join(operations, " "); got != c.want {
				t.Errorf("the entries are of %s, want %s", got, c.want)
			}
		})
	}
}
