package product

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzImportLines reads arbitrary files. Each line must be a product or have errors, and
// the reader must reach the end.
func FuzzImportLines(f *testing.F) {
	f.Add([]byte(`{"sku":"TEA","name":"Tea","price":{"amount":1,"currency":"EUR"}}`+"\n\n{\n"), false)
	f.Add([]byte("sku,name,price,currency,stock,images,attributes\nTEA,\"Tea\n2\",1,EUR,5,https://a.test/b,\"{\"\"a\"\":1}\"\n\"open,\n"), true)
	f.Add([]byte("\ufeffsku\n\"\"\"\n\""), true)
	f.Add([]byte("{\"sku\":\"\\ud800\",\"attributes\":{\"\\u0000\":1e999}}\r\n\xff\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, asCSV bool) {
		lines := newLineReader(bytes.NewReader(text))
		var reader catalogReader = ndjsonReader{lines}
		if asCSV {
			table, err := newCSVReader(lines)
			if err != nil {
				return
			}
			reader = table
		}
		for last, rows := 0, 0; ; rows++ {
			line, err := reader.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || rows > len(text) || line.number <= last {
				t.Fatalf("row %d is at line %d, after line %d: %v", rows, line.number, last, err)
			}
			last = line.number
			if r, errs := parseRecord(line); len(errs) == 0 {
				requireRoundTrip(t, r)
				requireNoReplacement(t, text, r)
			}
		}
	})
}

// requireRoundTrip fails the test unless an accepted record is accepted again after its
// export.
func requireRoundTrip(t *testing.T, r record) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("marshal the record %+v: %v", r, err)
	}
	line, err := ndjsonReader{newLineReader(bytes.NewReader(text))}.next()
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := parseRecord(line); len(errs) > 0 {
		t.Fatalf("the record %s was accepted first, and then rejected: %v", text, errs)
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
