package product

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"souk/functions/product/internal/feed"
	"souk/shared/money"
)

// FuzzImportLines reads arbitrary files. Each line must be a product or have errors, and
// the reader must reach the end.
func FuzzImportLines(f *testing.F) {
	f.Add([]byte(`{"sku":"TEA","name":"Tea","price":{"amount":1,"currency":"EUR"}}`+"\n\n{\n"), false)
	f.Add([]byte("sku,name,price,currency,stock,images,attributes\nTEA,\"Tea\n2\",1,EUR,5,https://a.test/b,\"{\"\"a\"\":1}\"\n\"open,\n"), true)
	f.Add([]byte("\ufeffsku\n\"\"\"\n\""), true)
	f.Add([]byte("{\"sku\":\"\\ud800\",\"attributes\":{\"\\u0000\":1e999}}\r\n\xff\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, asCSV bool) {
		reader := feed.NewNDJSONReader(bytes.NewReader(text))
		if asCSV {
			var err error
			if reader, err = catalogFormat().NewCSVReader(bytes.NewReader(text)); err != nil {
				return
			}
		}
		for last, rows := 0, 0; ; rows++ {
			line, err := reader.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || rows > len(text) || line.Number <= last {
				t.Fatalf("row %d is at line %d, after line %d: %v", rows, line.Number, last, err)
			}
			last = line.Number
			if r, errs := parseRecord(line); len(errs) == 0 {
				requireRoundTrip(t, r)
				requireNoReplacement(t, text, r)
			}
		}
	})
}

// requireRoundTrip fails the test unless an accepted record is accepted again after its
// export, in both formats.
func requireRoundTrip(t *testing.T, r record) {
	t.Helper()
	p := Product{SKU: r.SKU, Name: "not sent", Price: money.Money{Currency: "EUR"}, Status: Active, Images: Images{}, Attributes: Attributes{}}
	r.apply(&p)
	var lines, table bytes.Buffer
	views := newStaffProducts([]Product{p})
	if err := errors.Join(catalogFormat().WriteNDJSON(&lines, views), catalogFormat().WriteCSV(&table, true, views)); err != nil {
		t.Fatal(err)
	}
	rows, err := catalogFormat().NewCSVReader(&table)
	if err != nil {
		t.Fatal(err)
	}
	for _, reader := range []feed.Reader{feed.NewNDJSONReader(&lines), rows} {
		line, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		again, errs := parseRecord(line)
		if len(errs) > 0 {
			t.Fatalf("%+v was accepted first, and then rejected: %v", p, errs)
		}
		before := p
		if again.apply(&p) {
			t.Fatalf("%+v is %+v after its export", before, p)
		}
	}
}

// requireNoReplacement fails the test if a record contains the replacement character of
// invalid UTF-8 and the file does not.
func requireNoReplacement(t *testing.T, text []byte, r record) {
	t.Helper()
	for _, value := range []*string{r.Name, r.Description, r.Category} {
		if value != nil && strings.Contains(*value, "\ufffd") && !bytes.Contains(bytes.ToLower(text), []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`)) {
			t.Fatalf("%q of %q", *value, text)
		}
	}
}
