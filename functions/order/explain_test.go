package order_test

import (
	"database/sql"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// TestPlans has the server tell how it carries out every statement of the
// service, on tables as large as a shop's: none reads a growing table whole.
func TestPlans(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t, append(function.Migrations(), order.Migrations)...)
	wire := dbtest.Tap(t, url)
	d := deskOn(t, wire.URL)
	fill(t, d.DB)
	before := len(wire.Statements())
	useEverything(t, d)
	ran := wire.Statements()[before:]

	for _, begin := range written(t) {
		if !slices.ContainsFunc(ran, func(s string) bool { return strings.Contains(words(s), begin) }) {
			t.Errorf("nothing in this test runs %q…", begin)
		}
	}
	explained := 0
	for _, statement := range ran {
		if !readsRows(statement) {
			continue
		}
		explained++
		for _, access := range explain(t, d.DB, statement) {
			whole := access.Type == "ALL" || access.Type == "index"
			// A page of all orders ends at its LIMIT, whatever could follow; with a
			// condition besides, many rows could be passed over before.
			page := strings.Contains(statement, "LIMIT") && !strings.Contains(statement, " AND ")
			many := access.Rows > 2_000 && !page
			if whole || many {
				t.Errorf("%s is read by %s, some %d rows: %q", access.Table, access.Type, access.Rows, words(statement))
			}
		}
	}
	if explained < 10 {
		t.Errorf("only %d statements were explained", explained)
	}
}

// deskOn is a desk whose database the test can reach another way.
func deskOn(t *testing.T, url database.URL) desk {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	tokens, topics := functiontest.NewTokens(t), &functiontest.Recorder{}
	handler, err := function.NewHandler(function.NewRuntime(db, topics, clock.System, nil, tokens.Users, tokens.Pushes),
		functions.Manifest(), "order", order.Functions)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		_ = db.Close()
	})
	return desk{&functiontest.Server{URL: server.URL, DB: db, Tokens: tokens, Topics: topics}}
}

// fill makes 16,384 old orders of 256 customers, of two lines and three moves
// each, one in a hundred of them open, and 4,096 products.
func fill(t *testing.T, db *database.DB) {
	t.Helper()
	const id = `UNHEX(CONCAT(LPAD(HEX(1700000000000 + n), 12, '0'), '7', LEFT(SHA2(n, 256), 19)))`
	must := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	must(`CREATE TABLE numbers (n INT PRIMARY KEY)`)
	must(`INSERT INTO numbers VALUES (0)`)
	for n := 1; n < 16_384; n *= 2 {
		must(`INSERT INTO numbers SELECT n + ? FROM numbers`, n)
	}
	must(`INSERT INTO orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at)
		SELECT ` + id + `, UNHEX(LEFT(SHA2(n MOD 256, 256), 32)), IF(n MOD 100 = 0, 'confirmed', IF(n MOD 7 = 0, 'cancelled', 'delivered')),
			100, 'EUR', 3, '2024-01-01', '2024-01-01' FROM numbers`)
	for line := range 2 {
		must(`INSERT INTO order_item SELECT `+id+`, ?, UNHEX(LEFT(SHA2(n MOD 4096, 256), 32)), 'Cup', 50, 1 FROM numbers`, line)
	}
	for version := range 3 {
		must(`INSERT INTO order_history (order_id, version, status, moved_at, reason, actor, actor_id)
			SELECT `+id+`, ?, 'confirmed', '2024-01-01', '', 'customer', UNHEX(LEFT(SHA2(n MOD 256, 256), 32)) FROM numbers`, version+1)
	}
	must(`INSERT INTO catalog SELECT UNHEX(LEFT(SHA2(n, 256), 32)), 'Cup', 50, 'EUR', 'active', 1 FROM numbers WHERE n < 4096`)
	must(`INSERT INTO customer (user_id) SELECT UNHEX(LEFT(SHA2(n, 256), 32)) FROM numbers WHERE n < 256`)
	dbtest.Analyze(t, db, "orders", "order_item", "order_history", "catalog", "customer")
}

// useEverything has the service run each of its statements.
func useEverything(t *testing.T, d desk) {
	t.Helper()
	someone, admin := d.customer(t), d.Tokens.Admin(t)
	cup := d.mustKnow(t, "Cup", 500)
	o := d.mustPlace(t, someone, line(cup, 1))
	d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: someone.token,
		Header: map[string]string{"Prefer": "wait=1"}, Body: map[string]any{"items": []any{line(cup, 1)}}}).MustBe(t, http.StatusCreated)
	d.mustGet(t, someone.token, o.ID)
	d.mustHear(t, "stock-reserved", o.ID, "")
	d.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
	d.expire(t)
	for _, query := range []string{"", "?status=pending", "?userId=" + someone.UserID.String(), "?status=delivered&userId=" + someone.UserID.String()} {
		d.mustList(t, admin, query)
	}
	d.mustDelete(t, someone.UserID)
	d.sweep(t)
}

// words is a statement on one line.
func words(statement string) string { return strings.Join(strings.Fields(statement), " ") }

// readsRows says whether a statement looks for rows of the service's own tables;
// shared/event answers for its outbox and inbox.
func readsRows(statement string) bool {
	verb, _, _ := strings.Cut(words(statement), " ")
	return slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, verb) &&
		!strings.Contains(statement, "outbox") && !strings.Contains(statement, "inbox")
}

// written returns how each statement in the service's code begins, as far as it is
// the same each time.
func written(t *testing.T) []string {
	t.Helper()
	var begins []string
	for _, name := range []string{"store.go", "lines.go", "customers.go", "store_anonymize.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			literal, isLiteral := node.(*ast.BasicLit)
			if !isLiteral || literal.Kind != token.STRING {
				return true
			}
			text, _ := strconv.Unquote(literal.Value)
			text, _, _ = strings.Cut(words(text), "?")
			verb, rest, _ := strings.Cut(text, " ")
			if rest != "" && slices.Contains([]string{"SELECT", "FROM", "INSERT", "UPDATE", "DELETE"}, verb) {
				begins = append(begins, text)
			}
			return true
		})
	}
	return begins
}

// access is how a statement reads a table, and how many rows of it the server
// thinks it must look at.
type access struct {
	Table, Type string
	Rows        int64
}

func explain(t *testing.T, db *database.DB, statement string) []access {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN FORMAT=TRADITIONAL "+statement)
	if err != nil {
		t.Fatalf("explain %s: %v", words(statement), err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []access
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		// NULL where the server knows beforehand that there is no such row.
		count, _ := strconv.ParseInt(values[slices.Index(columns, "rows")].String, 10, 64)
		all = append(all, access{
			Rows:  count,
			Table: values[slices.Index(columns, "table")].String,
			Type:  values[slices.Index(columns, "type")].String,
		})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(fmt.Errorf("explain %s: %w", words(statement), err))
	}
	return all
}
