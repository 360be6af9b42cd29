package product_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
)

// TestImportErrors imports invalid lines in both formats. The result of a line must have
// its SKU and all errors with their codes, and nothing of the line may be stored.
func TestImportErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustCreate(t, fixtures.Product("EXISTING", 3))
	const good = `"name":"Tea","price":{"amount":1,"currency":"EUR"}`
	cases := []struct {
		mediaType, text string
		sku             string
		want            []string
	}{
		{ndjson, `{"sku":"A1","name":"one","Name":"two","price":{"amount":1,"currency":"EUR"}}`, "A1", []string{"Name unknown_field"}},
		{ndjson, `{"sku":"A2","SKU":"A3",` + good + `}`, "", []string{"SKU unknown_field"}},
		{ndjson, `{"sku":"A4","name":"one","name":"two","price":{"amount":1,"currency":"EUR"}}`, "A4", []string{"name duplicate_field"}},
		{ndjson, `{"sku":"A5","name":"x","price":{"amount":1,"amount":2,"currency":"EUR"}}`, "A5", []string{"price.amount duplicate_field"}},
		{ndjson, `{"sku":"A6","name":"x","price":{"amount":1,"currency":"EUR","Currency":"USD"}}`, "A6", []string{"price.Currency unknown_field"}},
		{ndjson, `{"sku":"A7",` + good + `,"attributes":{"a":1,"a":2}}`, "A7", []string{"attributes.a duplicate_field"}},
		{ndjson, `{"sku":"A8",` + good + `} {}`, "A8", []string{"line invalid_syntax"}},
		{ndjson, `{"sku":"B1","name":"Caf` + "\xe9" + `","price":{"amount":1,"currency":"EUR"}}`, "B1", []string{"name invalid_utf8"}},
		{ndjson, `{"sku":"B2","name":"\ud800","price":{"amount":1,"currency":"EUR"}}`, "B2", []string{"name invalid_utf8"}},
		{csv, "sku,name,price,currency\nB3,Caf\xe9,1,EUR\n", "B3", []string{"name invalid_utf8"}},
		{csv, "sku,name,price,currency,attributes\nB4,x,1,EUR,\"{\"\"a\"\":\"\"\\ud800\"\"}\"\n", "B4", []string{"attributes.a invalid_utf8"}},
		{ndjson, `{"sku":"C1","name":"a\u0000b","category":"a\nb","description":"a\u001bb","price":{"amount":1,"currency":"EUR"}}`, "C1",
			[]string{"category control_character", "description control_character", "name control_character"}},
		{csv, "sku,name,price,currency,category\nC2,\"two\nlines\",1,EUR,tea\x01\n", "C2", []string{"category control_character", "name control_character"}},
		{ndjson, `{"sku":"C3","name":" \t\u00a0","price":{"amount":1,"currency":"EUR"}}`, "C3", []string{"name blank"}},
		{csv, "sku,name,price,currency\nC4,\u200b,1,EUR\n", "C4", []string{"name blank"}},
		{ndjson, `{"sku":"C5",` + good + `,"images":["https://a.example.com/\u0007"],"attributes":{"a":"x\u0085y"}}`, "C5",
			[]string{"attributes.a control_character", "images[0] invalid_format"}},
		{csv, "sku,name,price,currency,status\nD1,,,,\n", "D1",
			[]string{"name required", "price.amount required", "status required"}},
		{csv, "sku,name\n,x\n", "", []string{"sku required"}},
		{ndjson, `{"sku":"D2","name":null,"price":null,"status":null,"stock":null}`, "D2",
			[]string{"name null_not_allowed", "price null_not_allowed", "status null_not_allowed", "stock null_not_allowed"}},
		{ndjson, `{"name":"x"}`, "", []string{"sku required"}},
		{ndjson, `{"sku":"D3"}`, "D3", []string{"name required", "price required"}},
		{csv, "sku,currency\nD4,EUR\n", "D4", []string{"price.amount required"}},
		{ndjson, `{"sku":"D4","colour":1,"price":{"amount":1,"currency":"XQQ"}}`, "D4", []string{"colour unknown_field", "price.currency invalid_format"}},
		{ndjson, `{"sku":"EXISTING","price":{"amount":1,"currency":"XQQ"}}`, "EXISTING", []string{"price.currency not_allowed"}},
		{ndjson, `{"sku":"D5","name":"` + strings.Repeat("x", 201) + `","price":{"amount":-1,"currency":"euro"},"stock":1.5,"status":"gone","images":"x","colour":1}`, "D5",
			[]string{"colour unknown_field", "images invalid_type", "name too_long", "price.amount out_of_range", "price.currency invalid_format", "status not_allowed", "stock invalid_type"}},
		{ndjson, `{"sku":"D6",` + good + `,"stock":1,"stockDelta":1}`, "D6", []string{"stockDelta not_allowed"}},
		{ndjson, `{"sku":"D7",` + good + `,"stockDelta":-1}`, "D7", []string{"stockDelta out_of_range"}},
		{ndjson, `{"sku":"D8","name":"x","price":{"amount":1,"currency":"XQQ"}}`, "D8", []string{"price.currency invalid_format"}},
		{ndjson, `{"sku":"EXISTING","price":{"amount":1,"currency":"USD"}}`, "EXISTING", []string{"price.currency not_allowed"}},
		{ndjson, `{"sku":"EXISTING","name":"changed","stockDelta":-4}`, "EXISTING", []string{"stockDelta out_of_range"}},
		{ndjson, `{"sku":"EXISTING","name":"changed","stockDelta":1000000000}`, "EXISTING", []string{"stockDelta out_of_range"}},
		{csv, "sku,price,currency\nD9,007,EUR\n", "D9", []string{"price.amount invalid_type"}},
		{csv, "sku,name\nE1\n", "E1", []string{"line invalid_syntax"}},
		{ndjson, `{"sku":"E2",` + good, "E2", []string{"line invalid_syntax"}},
		{ndjson, `[{"sku":"E3"}]`, "", []string{"line invalid_type"}},
		{ndjson, `{"sku":"` + strings.Repeat("E", 70) + `",` + good + `}`, strings.Repeat("E", 64), []string{"sku too_long"}},
	}
	before := s.mustExport(t, "ndjson")
	for i, c := range cases {
		t.Run(fmt.Sprint(i, " ", strings.Join(c.want, ", ")), func(t *testing.T) {
			results, sum := s.mustImport(t, c.mediaType, c.text)
			if len(results) != 1 || sum.Failed != 1 {
				t.Fatalf("results %+v, summary %+v, want one failed line", results, sum)
			}
			if diff := cmp.Diff(c.want, locations(t, results[0].Errors)); diff != "" {
				t.Errorf("errors %+v (-want +got):\n%s", results[0].Errors, diff)
			}
			if c.sku != "" && results[0].SKU != c.sku {
				t.Errorf("SKU %q, want %q", results[0].SKU, c.sku)
			}
			if after := s.mustExport(t, "ndjson"); after != before {
				t.Errorf("the catalogue changed to\n%s", after)
			}
		})
	}

	t.Run("a line reports at most 20 errors", func(t *testing.T) {
		var unknown []string
		for i := range 40 {
			unknown = append(unknown, fmt.Sprintf("%q:1", strings.Repeat("x", 200)+fmt.Sprint(i))+fmt.Sprintf(`,"u%d":1`, i))
		}
		results, _ := s.mustImport(t, ndjson, `{"sku":"MANY",`+strings.Join(unknown, ",")+`}`)
		if n := len(results[0].Errors); n != 20 || results[0].SKU != "MANY" {
			t.Errorf("%d errors of %s, want 20 of MANY", n, results[0].SKU)
		}
	})
}
