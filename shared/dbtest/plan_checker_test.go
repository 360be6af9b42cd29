package dbtest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"souk/shared/database"
)

// shop is a table with columns of most types; shopCode is a service's code that uses it.
var shop = database.Migrations{Name: "shop", FS: fstest.MapFS{"00001_thing.sql": {Data: []byte(`-- +goose Up
CREATE TABLE thing (
    id    BINARY(16) NOT NULL PRIMARY KEY, owner BINARY(16) NOT NULL, name VARCHAR(20) NOT NULL, code CHAR(2) NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0), sold BOOLEAN NOT NULL, facts JSON NOT NULL, text TEXT NULL, made_at DATETIME(6) NULL,
    KEY thing_by_owner (owner, id), KEY thing_by_sold (sold)
);
`)}}}

const shopCode = `package shop
const columns = "id, name"
var (
	get  = ` + "`SELECT ` + columns + `\n\tFROM thing\n\tWHERE id = ?`" + `
	page = "SELECT id FROM thing WHERE owner = ? AND id > ? LIMIT ?"
	help = "Select one of the things, or none."
)
type row struct { Name string ` + "`doc:\"SELECT me\"`" + ` }
`

func checkStatements(t *testing.T, rows Rows, ran ...string) string {
	t.Helper()
	written, err := parseFragments("shop.go", []byte(shopCode+`var more = "`+strings.Join(ran, `"`+"\n"+`var _ = "`)+`"`))
	if err != nil {
		t.Fatal(err)
	}
	ran = append(ran, "SELECT id, name\n\tFROM thing\n\tWHERE id = _binary'\\0?\n'", "SELECT id FROM thing WHERE owner = 'x' AND id > 'a' LIMIT 21")
	p := &planChecker{rows: rows, sets: []database.Migrations{shop}}
	if err := p.check(t.Context(), mustParse(t, URL(t)), written, ran); err != nil {
		return err.Error()
	}
	return ""
}

func TestPlanChecker(t *testing.T) {
	t.Parallel()

	t.Run("accepts statements that use a key of a filled table", func(t *testing.T) {
		t.Parallel()
		if problem := checkStatements(t, nil); problem != "" {
			t.Error(problem)
		}
	})

	for name, statement := range map[string]string{
		"a scan":                      "SELECT id FROM thing WHERE name = 'v3'",
		"a scan of an index":          "SELECT COUNT(*) FROM thing",
		"a scan of an update":         "UPDATE thing SET price = 2 WHERE text = 'x'",
		"a scan of a delete":          "DELETE FROM thing WHERE code = 'v1'",
		"half of a table by an index": "SELECT name FROM thing FORCE INDEX (thing_by_sold) WHERE sold = 1",
		"half of a table to sort":     "SELECT name FROM thing FORCE INDEX (thing_by_sold) WHERE sold = 1 ORDER BY price LIMIT 1",
		"half of a table to group":    "SELECT DISTINCT code FROM thing FORCE INDEX (thing_by_sold) WHERE sold = 1 LIMIT 1",
		"half of a table to count":    "SELECT COUNT(*) FROM thing FORCE INDEX (thing_by_sold) WHERE sold = 1",
	} {
		t.Run("finds "+name, func(t *testing.T) {
			t.Parallel()
			if problem := checkStatements(t, nil, statement); !strings.Contains(problem, "thing is read by") || !strings.Contains(problem, statement) {
				t.Errorf("found %q", problem)
			}
		})
	}

	t.Run("accepts half of a table in the order of its index and a loose index scan", func(t *testing.T) {
		t.Parallel()
		for _, statement := range []string{
			"SELECT name FROM thing FORCE INDEX (thing_by_sold) WHERE sold = 1 ORDER BY id LIMIT 1",
			"SELECT DISTINCT sold FROM thing FORCE INDEX (thing_by_sold) WHERE sold >= 0 LIMIT 1",
		} {
			if problem := checkStatements(t, nil, statement); problem != "" {
				t.Error(problem)
			}
		}
	})

	t.Run("finds a statement that no test executes and its place", func(t *testing.T) {
		t.Parallel()
		written, err := parseFragments("shop.go", []byte(shopCode))
		if err != nil {
			t.Fatal(err)
		}
		p := &planChecker{sets: []database.Migrations{shop}}
		ran := []string{"SELECT id, name FROM thing WHERE id = 'x'", "SELECT id FROM thing WHERE owner = 'x' LIMIT 1"}
		if flagSet("test.run") {
			t.Skip("only some of the tests run")
		}
		err = p.check(t.Context(), mustParse(t, URL(t)), written, ran)
		if err == nil || !strings.Contains(err.Error(), "shop.go:7") || strings.Contains(err.Error(), "shop.go:4") {
			t.Errorf("found %v", err)
		}
	})

	t.Run("ignores the statements of tests", func(t *testing.T) {
		t.Parallel()
		written, err := parseFragments("shop.go", []byte("package shop"))
		if err != nil {
			t.Fatal(err)
		}
		p := &planChecker{sets: []database.Migrations{shop}}
		if err := p.check(t.Context(), mustParse(t, URL(t)), written, []string{"SELECT COUNT(*) FROM thing"}); err != nil {
			t.Error(err)
		}
	})

	t.Run("uses the given values", func(t *testing.T) {
		t.Parallel()
		if problem := checkStatements(t, Rows{"thing.sold": "0"}, "SELECT id FROM thing WHERE sold = 1"); problem != "" {
			t.Error(problem)
		}
		if problem := checkStatements(t, Rows{"thing.price": "-n"}); !strings.Contains(problem, "thing") {
			t.Errorf("values that violate a constraint: %q", problem)
		}
	})
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	recorder, err := newRecorder(context.Background(), mustParse(t, URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.close()
	db, err := database.Open(database.Config{URL: database.FormatURL(recorder.through(mustParse(t, Create(t, shop))))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range 2 * examples {
		if _, err := db.ExecContext(t.Context(), `UPDATE thing SET name = ?, price = ? WHERE id IN (?`+strings.Repeat(", ?", i)+`)`, append([]any{"it's", i}, slices.Repeat([]any{"x"}, i+1)...)...); err != nil {
			t.Fatal(err)
		}
	}
	var last string
	if err := db.QueryRowContext(t.Context(), `SELECT ?`, strings.Repeat("x", 1<<20)).Scan(&last); err != nil || len(last) != 1<<20 {
		t.Fatalf("a long statement returned %d bytes: %v", len(last), err)
	}
	updates := 0
	for _, statement := range recorder.recorded() {
		if verb(statement) == "UPDATE" {
			updates++
		}
	}
	if updates != examples {
		t.Errorf("recorded %d statements of one shape, want %d", updates, examples)
	}
}
