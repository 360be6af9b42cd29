package trail

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/telemetry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, Migrations),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

var start = time.Date(2026, 5, 6, 7, 8, 9, 123456000, time.UTC)

// requestContext returns the context of a request to a function.
func requestContext(t testing.TB, operation string, p auth.Principal) context.Context {
	t.Helper()
	ctx := api.WithRequestID(WithOperation(t.Context(), operation), "request-"+operation)
	ctx = telemetry.FromTraceparent(ctx, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
	if p.Role != "" {
		ctx = auth.WithPrincipal(ctx, p)
	}
	return ctx
}

func mustRecord(ctx context.Context, t testing.TB, db *database.DB, changes ...Change) {
	t.Helper()
	err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return Record(ctx, tx, changes...) })
	if err != nil {
		t.Fatal(err)
	}
}

func mustList(t testing.TB, db *database.DB, in ListInput, further ...Source) []Entry {
	t.Helper()
	page, err := List(t.Context(), db, &in, further...)
	if err != nil {
		t.Fatal(err)
	}
	return page.Body.Items
}

// mustListAll returns the entries of all pages, and their number.
func mustListAll(t testing.TB, db *database.DB, in ListInput, further ...Source) (entries []Entry, pages int) {
	t.Helper()
	for {
		page, err := List(t.Context(), db, &in, further...)
		if err != nil {
			t.Fatal(err)
		}
		entries, pages = append(entries, page.Body.Items...), pages+1
		if in.PageToken = page.Body.NextPageToken; in.PageToken == "" {
			return entries, pages
		}
	}
}

func operations(entries []Entry) string {
	names := make([]string, len(entries))
	for i := range entries {
		names[i] = entries[i].Operation
	}
	return strings.Join(names, " ")
}

func set(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: true} }
