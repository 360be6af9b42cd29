package feed

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/money"
)

// These types are unlike a product and its record, because a Format depends on nothing but
// the fields.
type (
	testRecord struct {
		testBase
		Stock *int64   `json:"stock,omitempty"`
		Tags  []string `json:"tags,omitempty" nullable:"true"`
	}
	testBase struct {
		SKU   string            `json:"sku"`
		Title *string           `json:"title,omitempty"`
		Note  *string           `json:"note,omitempty" nullable:"true"`
		Price *money.PriceInput `json:"price,omitempty"`
		Facts map[string]any    `json:"facts,omitempty"`
	}
	testProduct struct {
		ID        string         `json:"id"`
		SKU       string         `json:"sku"`
		Title     string         `json:"title"`
		Note      string         `json:"note"`
		Price     money.Money    `json:"price"`
		Available int64          `json:"available"`
		Tags      []string       `json:"tags"`
		Facts     map[string]any `json:"facts"`
	}
)

func TestFormat(t *testing.T) {
	t.Parallel()
	format := NewFormat[testRecord, testProduct]("available")
	products := []testProduct{
		{ID: "1", SKU: "A", Title: `"A", <b>`, Note: "two\nlines", Price: money.Money{Amount: 5, Currency: "EUR"}, Available: 3,
			Tags: []string{"x", "y"}, Facts: map[string]any{"a": "<", "b": true}},
		{ID: "2", SKU: "B", Title: "B", Price: money.Money{Currency: "JPY"}, Tags: []string{}, Facts: map[string]any{}},
	}
	var lines, table bytes.Buffer
	if err := errors.Join(format.WriteNDJSON(&lines, products), format.WriteCSV(&table, true, products[:1]), format.WriteCSV(&table, false, products[1:])); err != nil {
		t.Fatal(err)
	}
	const wantLines = `{"sku":"A","title":"\"A\", <b>","note":"two\nlines","price":{"amount":5,"currency":"EUR"},"available":3,"tags":["x","y"],"facts":{"a":"<","b":true}}
{"sku":"B","title":"B","note":"","price":{"amount":0,"currency":"JPY"},"available":0,"tags":[],"facts":{}}
`
	if lines.String() != wantLines {
		t.Errorf("NDJSON is\n%s, want\n%s", &lines, wantLines)
	}
	const wantTable = `sku,title,note,price,currency,available,tags,facts
A,"""A"", <b>","two
lines",5,EUR,3,x y,"{""a"":""<"",""b"":true}"
B,B,,0,JPY,0,,
`
	if table.String() != wantTable {
		t.Errorf("CSV is\n%s, want\n%s", &table, wantTable)
	}
	rows, err := format.NewCSVReader(&table)
	if err != nil {
		t.Fatal(err)
	}
	fromLines, fromRows := mustReadAll(t, NewNDJSONReader(&lines)), mustReadAll(t, rows)
	for i := range fromLines {
		delete(fromLines[i], "available")
	}
	fromLines[1]["facts"] = nil // an empty cell is null
	if diff := cmp.Diff(fromLines, fromRows); diff != "" {
		t.Errorf("the rows are not read as the lines are (-lines +rows):\n%s", diff)
	}
}

func mustReadAll(t *testing.T, reader Reader) (objects []map[string]any) {
	t.Helper()
	for {
		line, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil || len(line.Errs) > 0 {
			t.Fatalf("line %d: %v %v", line.Number, line.Errs, err)
		}
		object, _ := line.Fields.(map[string]any)
		objects = append(objects, object)
	}
}

func TestEmptyCells(t *testing.T) {
	t.Parallel()
	format := NewFormat[testRecord, testProduct]("available")
	reader, err := format.NewCSVReader(strings.NewReader("sku,title,note,price,currency,stock,tags,facts,available\n,,,,,,,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	line, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	var required []string
	for _, e := range line.Errs {
		required = append(required, e.Location+" "+e.Code)
	}
	if got, want := strings.Join(required, ", "), "sku required, title required, price.amount required"; got != want {
		t.Errorf("errors %s, want %s", got, want)
	}
	want := map[string]any{"note": "", "tags": []any{}, "facts": nil}
	if diff := cmp.Diff(any(want), line.Fields); diff != "" {
		t.Errorf("the fields differ (-want +got):\n%s", diff)
	}
}
