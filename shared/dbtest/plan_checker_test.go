package dbtest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"souk/shared/database"
)

// shop is a table with a bit of everything, and what a service's code says of it.
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

func judged(t *testing.T, rows Rows, ran ...string) string {
	t.Helper()
	written, err := fragmentsOf("shop.go", []byte(shopCode+`var more = "`+strings.Join(ran, `"`+"\n"+`var _ = "`)+`"`))
	if err != nil {
		t.Fatal(err)
	}
	ran = append(ran, "SELECT id, name\n\tFROM thing\n\tWHERE id = _binary'\\0?\n'", "SELECT id FROM thing WHERE owner = 'x' AND id > 'a' LIMIT 21")
	p := &plans{rows: rows, sets: []database.Migrations{shop}}
	if err := p.judge(t.Context(), mustParse(t, URL(t)), written, ran); err != nil {
		return err.Error()
	}
	return ""
}

func TestPlansOf(t *testing.T) {
	t.Parallel()

	t.Run("passes what goes by a key, of a table that it fills by itself", func(t *testing.T) {
		t.Parallel()
		if fault := judged(t, nil); fault != "" {
			t.Error(fault)
		}
	})

	for name, statement := range map[string]string{
		"a scan":                          "SELECT id FROM thing WHERE name = 'v3'",
		"a scan of an index":              "SELECT COUNT(*) FROM thing",
		"a scan that changes":             "UPDATE thing SET price = 2 WHERE text = 'x'",
		"a scan that deletes":             "DELETE FROM thing WHERE code = 'v1'",
		"half of a table, if by an index": "SELECT name FROM thing FORCE INDEX (thing_by_sold) WHERE sold = 1",
	} {
		t.Run("finds "+name, func(t *testing.T) {
			t.Parallel()
			if fault := judged(t, nil, statement); !strings.Contains(fault, "thing is read by") || !strings.Contains(fault, statement) {
				t.Errorf("found %q", fault)
			}
		})
	}

	t.Run("finds a statement that no test ran, and where it stands", func(t *testing.T) {
		t.Parallel()
		written, err := fragmentsOf("shop.go", []byte(shopCode))
		if err != nil {
			t.Fatal(err)
		}
		p := &plans{sets: []database.Migrations{shop}}
		ran := []string{"SELECT id, name FROM thing WHERE id = 'x'", "SELECT id FROM thing WHERE owner = 'x' LIMIT 1"}
		if asked("test.run") {
			t.Skip("only some of the tests run")
		}
		err = p.judge(t.Context(), mustParse(t, URL(t)), written, ran)
		if err == nil || !strings.Contains(err.Error(), "shop.go:7") || strings.Contains(err.Error(), "shop.go:4") {
			t.Errorf("found %v", err)
		}
	})

	t.Run("leaves alone what a test asks by itself", func(t *testing.T) {
		t.Parallel()
		written, err := fragmentsOf("shop.go", []byte("package shop"))
		if err != nil {
			t.Fatal(err)
		}
		p := &plans{sets: []database.Migrations{shop}}
		if err := p.judge(t.Context(), mustParse(t, URL(t)), written, []string{"SELECT COUNT(*) FROM thing"}); err != nil {
			t.Error(err)
		}
	})

	t.Run("takes the values it is given", func(t *testing.T) {
		t.Parallel()
		if fault := judged(t, Rows{"thing.sold": "0"}, "SELECT id FROM thing WHERE sold = 1"); fault != "" {
			t.Error(fault)
		}
		if fault := judged(t, Rows{"thing.price": "-n"}); !strings.Contains(fault, "thing") {
			t.Errorf("values that break a rule: %q", fault)
		}
	})
}

func TestWire(t *testing.T) {
	t.Parallel()
	tap, err := lay(context.Background(), mustParse(t, URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer tap.close()
	db, err := database.Open(database.Config{URL: database.FormatURL(tap.through(mustParse(t, Create(t, shop))))})
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
		t.Fatalf("a long statement came back with %d bytes: %v", len(last), err)
	}
	updates := 0
	for _, statement := range tap.kept() {
		if verbOf(statement) == "UPDATE" {
			updates++
		}
	}
	if updates != examples {
		t.Errorf("kept %d statements of one shape, want %d", updates, examples)
	}
}
