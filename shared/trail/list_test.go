package trail

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// TestFilters lists entries by each filter, alone and with others.
func TestFilters(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	staff, customer, order, product := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	record := func(operation string, p auth.Principal, c Change) {
		mustRecord(requestContext(t, operation, p), t, db, c)
	}
	record("a", auth.Principal{UserID: staff, Role: auth.Owner}, Change{Resource: "order", ID: order, At: at(1)})
	record("b", auth.Principal{UserID: customer, Role: auth.Customer}, Change{Resource: "order", ID: order, At: at(2)})
	record("c", auth.Principal{UserID: staff, Role: auth.Owner}, Change{Resource: "product", ID: product, At: at(3)})
	record("a", auth.Principal{}, Change{Resource: "product", ID: product, At: at(4)})
	for name, c := range map[string]struct {
		in   ListInput
		want string
	}{
		"all":                          {ListInput{}, "a c b a"},
		"a kind of resource":           {ListInput{Resource: "order"}, "b a"},
		"a resource":                   {ListInput{ResourceID: set(product)}, "a c"},
		"an actor":                     {ListInput{ActorID: set(staff)}, "c a"},
		"a kind of actor":              {ListInput{Actor: Function}, "a"},
		"an operation":                 {ListInput{Operation: "a"}, "a a"},
		"a period":                     {ListInput{From: at(2), To: at(4)}, "c b"},
		"a period within milliseconds": {ListInput{From: at(2).Add(time.Microsecond), To: at(3).Add(time.Microsecond)}, "c"},
		"an actor of a resource":       {ListInput{ResourceID: set(order), ActorID: set(staff)}, "a"},
		"an operation of an actor":     {ListInput{ActorID: set(staff), Operation: "c", Resource: "product"}, "c"},
		"nothing":                      {ListInput{ResourceID: set(uuid.New())}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= 5; size++ {
				c.in.PageQuery = api.PageQuery{PageSize: size}
				entries, _ := mustListAll(t, db, c.in)
				if got := operations(entries); got != c.want {
					t.Errorf("by pages of %d: the entries are %q, want %q", size, got, c.want)
				}
			}
		})
	}
}

// countdown returns a source of n entries, one each second before start, whose cursors are numbers.
func countdown(operation string, n int, reads *[]int) Source {
	return func(_ context.Context, _ database.Queryer, _ Filter, cursor string, limit int) (items []Item, err error) {
		first := 0
		if cursor != "" {
			if first, err = strconv.Atoi(cursor); err != nil {
				return nil, ErrCursor
			}
		}
		for i := first; i < n && len(items) < limit; i++ {
			at := start.Add(-time.Duration(i) * time.Second)
			items = append(items, Item{Entry: Entry{At: at, Operation: fmt.Sprint(operation, i)}, Cursor: strconv.Itoa(i + 1)})
		}
		*reads = append(*reads, len(items))
		return items, nil
	}
}

// TestMerge checks that pages of several sources have each entry once, by time, and that a page reads
// a bounded number of rows although few match.
func TestMerge(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	mustRecord(requestContext(t, "trail", auth.Principal{}), t, db, Change{Resource: "order", At: start.Add(-90 * time.Second)})
	var reads []int
	a, b := countdown("a", 100, &reads), countdown("b", 5, &reads)
	for size := 1; size <= 100; size += 33 {
		entries, _ := mustListAll(t, db, ListInput{PageQuery: api.PageQuery{PageSize: size}}, a, b)
		if len(entries) != 106 {
			t.Fatalf("pages of %d have %d entries, want 106", size, len(entries))
		}
		for i := range entries[1:] {
			if entries[i+1].At.After(entries[i].At) {
				t.Fatalf("by pages of %d: entry %d is newer than the one before", size, i+1)
			}
		}
	}
	for _, n := range reads {
		if n > 101 {
			t.Errorf("a page has read %d rows", n)
		}
	}
	reads = nil
	rare := countdown("a", 5*maxExamined, &reads)
	entries, pages := mustListAll(t, db, ListInput{Operation: "a4321"}, rare)
	if len(entries) != 1 || pages < 5 || pages > 6 {
		t.Errorf("%d entries of %d pages, want 1 of 5 or 6", len(entries), pages)
	}
}

func TestPageTokens(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	var reads []int
	source := countdown("a", 100, &reads)
	for _, key := range []any{[]string{"x"}, []string{"x", "y"}, []string{"", "y"}, []string{}, "x", 7} {
		page, err := api.Page[Entry]{}.ContinueAfter(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := List(t.Context(), db, &ListInput{PageQuery: api.PageQuery{PageToken: page.NextPageToken}}, source); err == nil {
			t.Errorf("the token of %v is accepted", key)
		}
	}
}
