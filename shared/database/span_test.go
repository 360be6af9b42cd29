package database_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// TestSpans checks the spans of statements and transactions of a sampled request, and that
// they have no values.
func TestSpans(t *testing.T) {
	t.Parallel()
	const canary = "ada@example.com"
	db := dbtest.New(t)
	mustExec(t, db, `CREATE TABLE thing (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, UNIQUE KEY thing_name (name))`)
	record := func(t *testing.T, run func(ctx context.Context)) []string {
		t.Helper()
		recorded := tracetest.NewSpanRecorder()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded)).Tracer("test")
		ctx, request := tracer.Start(t.Context(), "request")
		run(ctx)
		request.End()
		var names []string
		for _, span := range recorded.Ended() {
			name := span.Name()
			for _, e := range span.Events() {
				name += fmt.Sprintf(" %s %v", e.Name, e.Attributes[0].Value.AsString())
			}
			for _, a := range span.Attributes() {
				if a.Key == "db.response.status_code" {
					name += " error " + a.Value.AsString()
				}
			}
			names = append(names, name)
			if text := fmt.Sprintf("%+v", tracetest.SpanStubFromReadOnlySpan(span)); strings.Contains(text, canary) {
				t.Errorf("span %s has a value: %s", span.Name(), text)
			}
		}
		return names
	}

	t.Run("a statement has a span with its placeholders", func(t *testing.T) {
		t.Parallel()
		got := record(t, func(ctx context.Context) {
			rows, err := db.QueryContext(ctx, `SELECT name FROM thing WHERE name = ?`, canary)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
		})
		if diff := cmp.Diff([]string{"SELECT thing", "request"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an error is recorded by its number", func(t *testing.T) {
		t.Parallel()
		got := record(t, func(ctx context.Context) {
			for range 2 {
				if _, err := db.ExecContext(ctx, `INSERT INTO thing VALUES (1, ?)`, canary); err != nil && !database.IsDuplicate(err) {
					t.Fatal(err)
				}
			}
		})
		if diff := cmp.Diff([]string{"INSERT thing", "INSERT thing error 1062", "request"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a transaction has a span with its statements and retries", func(t *testing.T) {
		t.Parallel()
		tries := 0
		got := record(t, func(ctx context.Context) {
			err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
				if tries++; tries == 1 {
					return &mysql.MySQLError{Number: 1213, Message: canary}
				}
				_, err := tx.ExecContext(ctx, `UPDATE thing SET name = ? WHERE id = 7`, canary)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
		want := []string{
			"acquire connection", "START", "ROLLBACK", "acquire connection", "START", "UPDATE thing", "COMMIT",
			"transaction retry 1213", "request",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a request that is not sampled has none", func(t *testing.T) {
		t.Parallel()
		recorded := tracetest.NewSpanRecorder()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded), sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("test")
		ctx, request := tracer.Start(t.Context(), "request")
		defer request.End()
		if err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE thing SET name = 'x' WHERE id = 8`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := recorded.Started(); len(got) > 0 {
			t.Errorf("%d spans were recorded", len(got))
		}
	})
}

// TestStatementText inserts and selects different numbers of rows: the text is the same.
func TestStatementText(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT name\n\t\tFROM thing\n\t\tWHERE id = ?":      "SELECT name FROM thing WHERE id = ?",
		"SELECT 1 FROM thing WHERE id IN (?) AND n = ?":      "SELECT 1 FROM thing WHERE id IN (?) AND n = ?",
		"SELECT 1 FROM thing WHERE id IN (?, ?) AND n = ?":   "SELECT 1 FROM thing WHERE id IN (?, …) AND n = ?",
		"SELECT 1 FROM thing WHERE id IN (?,?,?) AND n = ?":  "SELECT 1 FROM thing WHERE id IN (?, …) AND n = ?",
		"INSERT INTO thing (id, n) VALUES (?, ?)":            "INSERT INTO thing (id, n) VALUES (?, …)",
		"INSERT INTO thing (id, n) VALUES (?, ?), (?, ?) ":   "INSERT INTO thing (id, n) VALUES (?, …), …",
		"INSERT INTO t (i) VALUES (?), (?), (?) AS new":      "INSERT INTO t (i) VALUES (?), … AS new",
		"INSERT INTO t (i, n) VALUES (?, NOW()), (?, NOW())": "INSERT INTO t (i, n) VALUES (?, NOW()), (?, NOW())",
	} {
		if got := database.StatementText(query); got != want {
			t.Errorf("%q becomes %q, want %q", query, got, want)
		}
	}
}
