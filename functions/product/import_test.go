package product_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/money"
)

const (
	ndjson = "application/x-ndjson"
	csv    = "text/csv; charset=utf-8"
)

// sendImport imports a file. The query may be empty.
func (s shop) sendImport(t testing.TB, mediaType, query, text string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/products/import" + query, Token: s.admin, Body: text,
		Header: map[string]string{"Content-Type": mediaType},
	})
}

// mustImport imports a file, and returns the results of its lines and the summary.
func (s shop) mustImport(t testing.TB, mediaType, text string) ([]product.LineResult, product.ImportSummary) {
	t.Helper()
	return mustDecodeReport(t, s.sendImport(t, mediaType, "", text))
}

func mustDecodeReport(t testing.TB, response functiontest.Response) ([]product.LineResult, product.ImportSummary) {
	t.Helper()
	response.MustBe(t, http.StatusOK)
	var results []product.LineResult
	lines := bytes.Split(bytes.TrimSpace(response.Body), []byte{'\n'})
	for _, line := range lines[:len(lines)-1] {
		var result product.LineResult
		functiontest.Response{Body: line}.Into(t, &result)
		results = append(results, result)
	}
	var last struct{ Summary *product.ImportSummary }
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || last.Summary == nil {
		t.Fatalf("the last line is not a summary: %s", lines[len(lines)-1])
	}
	return results, *last.Summary
}

// outcomes returns results as "line outcome", with the location of the first error.
func requireOutcomes(t *testing.T, results []product.LineResult, want ...string) {
	t.Helper()
	var got []string
	for _, r := range results {
		text := fmt.Sprint(r.Line, " ", r.Outcome)
		if len(r.Errors) > 0 {
			text += " " + r.Errors[0].Location
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func (s shop) mustFind(t *testing.T, sku string) product.Product {
	t.Helper()
	var id []byte
	if err := s.DB.QueryRowContext(t.Context(), `SELECT id FROM product WHERE sku = ?`, sku).Scan(&id); err != nil {
		t.Fatalf("find %s: %v", sku, err)
	}
	return s.mustGet(t, [16]byte(id))
}

func TestImport(t *testing.T) {
	t.Parallel()

	t.Run("products are created, updated and left unchanged, and events are published for changes", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		p := s.mustCreate(t, fixtures.Product("OLD", 5))
		s.mustCreate(t, fixtures.Product("SAME", 5))
		published := len(s.Published.Events("product-changed"))
		results, sum := s.mustImport(t, ndjson, `
{"sku":"NEW","name":"New","price":{"amount":5,"currency":"EUR"},"stock":7,"images":["https://a.example.com/1"],"attributes":{"a":1}}
{"sku":"old","name":"Changed","stock":3}
{"sku":"SAME","name":"Assam, 250 g","description":"Malty.","stock":5,"images":[],"attributes":{}}
{"sku":"OLD","status":"archived"}`)
		requireOutcomes(t, results, "2 created", "3 updated", "4 unchanged", "5 updated")
		if diff := cmp.Diff(product.ImportSummary{Created: 1, Updated: 2, Unchanged: 1, StockIgnored: 2}, sum); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
		if p := s.mustFind(t, "NEW"); p.Available != 7 || p.Name != "New" || len(p.Images) != 1 || p.Attributes["a"] != 1.0 || p.Version != 1 {
			t.Errorf("created %+v", p)
		}
		if after := s.mustGet(t, p.ID); after.Name != "Changed" || after.Available != 5 || after.Version != 3 || after.Status != product.Archived || after.Price != p.Price {
			t.Errorf("changed to %+v", after)
		}
		if s.mustFind(t, "SAME").Version != 1 {
			t.Error("an unchanged product has a new version")
		}
		if got := len(s.Published.Events("product-changed")) - published; got != 3 {
			t.Errorf("published %d events, want 3", got)
		}
		s.requireStockMatchesMovements(t)
		product.RequireWords(t, s.DB, p.ID, s.mustFind(t, "NEW").ID)
	})

	t.Run("wrong words of an unchanged product are corrected, and an archived product is restored", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		unindexed, archived := s.mustCreate(t, fixtures.Product("UNINDEXED", 5)), s.mustCreate(t, fixtures.Product("ARCHIVED", 5))
		if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM product_word WHERE product_id = ?`, unindexed.ID[:]); err != nil {
			t.Fatal(err)
		}
		s.archive(t, archived.ID, "*").MustBe(t, http.StatusNoContent)
		s.mustImport(t, ndjson, `{"sku":"UNINDEXED"}`+"\n"+`{"sku":"ARCHIVED","status":"active"}`)
		if page := s.mustList(t, "?q=assam"); len(page.Items) != 2 {
			t.Errorf("found %+v, want both", page.Items)
		}
		product.RequireWords(t, s.DB, unindexed.ID, archived.ID)
	})

	t.Run("the words of long texts are stored", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		var text, long strings.Builder
		for i := range 1_500 {
			fmt.Fprintf(&long, "w%d ", i)
		}
		for i := range 3 {
			fmt.Fprintf(&text, `{"sku":"L%d","name":"Long","price":{"amount":5,"currency":"EUR"},"description":%q}`+"\n", i, long.String())
		}
		if _, sum := s.mustImport(t, ndjson, text.String()); sum.Created != 3 {
			t.Errorf("summary %+v", sum)
		}
		product.RequireWords(t, s.DB, s.mustFind(t, "L0").ID, s.mustFind(t, "L2").ID)
		if page := s.mustList(t, "?q=w0+w1499"); len(page.Items) != 3 {
			t.Errorf("found %d, want 3", len(page.Items))
		}
	})

	t.Run("an invalid line does not affect others, and is reported with its location", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		good := func(sku string) string {
			return `{"sku":"` + sku + `","name":"x","price":{"amount":1,"currency":"EUR"}}`
		}
		results, sum := s.mustImport(t, ndjson, strings.Join([]string{
			good("A"), `{"sku":`, `[]`, `{"name":"no sku"}`, `{"sku":"B","colour":"green"}`, `{"sku":"C","name":"no price"}`,
			`{"sku":"D","name":"x","price":{"amount":-1,"currency":"EUR"}}`, `{"sku":"D","name":"x","price":{"amount":1,"currency":"XQQ"}}`,
			`{"sku":"E","stock":1e99}`, `{"sku":"F","description":"` + strings.Repeat("x", 300_000) + `"}`, "\xff", good("Z"),
		}, "\r\n"))
		want := []string{
			"1 created", "2 failed sku", "3 failed line", "4 failed sku", "5 failed colour", "6 failed price",
			"7 failed price.amount", "8 failed price.currency", "9 failed stock", "10 failed line", "11 failed line", "12 created",
		}
		requireOutcomes(t, results, want...)
		if sum.Created != 2 || sum.Failed != 10 || sum.Stopped != "" {
			t.Errorf("summary %+v", sum)
		}
		s.mustFind(t, "A")
		s.mustFind(t, "Z")
	})

	t.Run("a line that the database rejects does not affect others of its batch", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		_, err := s.DB.ExecContext(t.Context(), `ALTER TABLE product ADD CONSTRAINT no_ufo CHECK (category <> 'ufo')`)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for i, category := range []string{"tea", "ufo", "pots"} {
			text += fmt.Sprintf(`{"sku":"R%d","name":"x","price":{"amount":1,"currency":"EUR"},"category":%q}`+"\n", i, category)
		}
		results, _ := s.mustImport(t, ndjson, text)
		requireOutcomes(t, results, "1 created", "2 failed line", "3 created")
		s.requireStockMatchesMovements(t)
	})

	t.Run("other media types and other callers than admins are rejected", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		_, customer := s.Tokens.Customer(t)
		request := functiontest.Request{Method: http.MethodPost, Path: "/v1/products/import", Token: s.admin, Body: "{}"}
		s.Do(t, request).MustBeProblem(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		request.Token = customer
		s.Do(t, request).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}

// TestImportCurrency imports prices of several currencies. The currency of a product cannot
// change, even if it was withdrawn.
func TestImportCurrency(t *testing.T) {
	t.Parallel()
	s := open(t)
	yen, old := fixtures.Product("YEN", 1), s.mustCreate(t, fixtures.Product("OLD", 1))
	yen["price"] = map[string]any{"amount": 5, "currency": "JPY"}
	s.mustCreate(t, yen)
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE product SET price_currency = 'DEM' WHERE id = ?`, old.ID[:]); err != nil {
		t.Fatal(err)
	}
	results, _ := s.mustImport(t, csv, "sku,name,price,currency\nYEN,x,7,\nOLD,x,8,DEM\nNEW,x,9,\nMARK,x,1,DEM\n")
	requireOutcomes(t, results, "2 updated", "3 updated", "4 created", "5 failed price.currency")
	for sku, want := range map[string]money.Money{"YEN": {Amount: 7, Currency: "JPY"}, "OLD": {Amount: 8, Currency: "DEM"}, "NEW": {Amount: 9, Currency: "EUR"}} {
		if got := s.mustFind(t, sku).Price; got != want {
			t.Errorf("%s costs %v, want %v", sku, got, want)
		}
	}
}

// requireStockMatchesMovements fails the test unless every product's stock is the sum of
// its movements.
func (s shop) requireStockMatchesMovements(t *testing.T) {
	t.Helper()
	var wrong int
	err := s.DB.QueryRowContext(t.Context(), `
		SELECT COUNT(*) FROM product
		WHERE available <> (SELECT COALESCE(SUM(delta), 0) FROM stock_movement WHERE product_id = product.id)`).Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("the stock of %d products is not the sum of their movements (%v)", wrong, err)
	}
}

func TestImportCSV(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("an empty cell clears its field, and a missing column does not", func(t *testing.T) {
		t.Parallel()
		results, _ := s.mustImport(t, csv, "\ufeffsku,name,description,price,currency,stock,images,attributes\r\n"+
			`K1,"Comma, ""quoted""","Two`+"\r\n"+`lines",5,EUR,3,https://a.example.com/1 https://a.example.com/2,"{""organic"":true}"`+"\r\n"+
			"K2,Plain,,7,EUR,,,\r\n")
		requireOutcomes(t, results, "2 created", "4 created")
		p := s.mustFind(t, "K1")
		if p.Name != `Comma, "quoted"` || p.Description != "Two\nlines" || p.Available != 3 || len(p.Images) != 2 || p.Attributes["organic"] != true {
			t.Errorf("got %+v", p)
		}
		results, sum := s.mustImport(t, csv, "sku,description,stock,stockDelta,images,attributes\nK1,,,,,\nK2,x,,,,\n")
		requireOutcomes(t, results, "2 updated", "3 updated")
		if sum.StockIgnored != 0 {
			t.Errorf("summary %+v", sum)
		}
		p = s.mustFind(t, "K1")
		if p.Name != `Comma, "quoted"` || p.Price.Amount != 5 || p.Available != 3 || p.Description != "" || len(p.Images) != 0 || len(p.Attributes) != 0 {
			t.Errorf("after the empty cells: %+v", p)
		}
	})

	t.Run("an invalid line does not affect others, even with an unclosed quote", func(t *testing.T) {
		t.Parallel()
		results, _ := s.mustImport(t, csv, strings.Join([]string{
			"sku,name,price,currency,attributes", `L1,x,1,EUR,`, `L2,"open,1,EUR,`, `L3,x,1,EUR,`, `L4,"closed",1,EUR,`, `L5,o"pen,1,EUR,`,
			`L6,x,1,EUR,`, `L7,x,1`, `L8,x,1.5,EUR,`, `L9,x,1,EUR,{`, `LA,x,1,EUR,`,
		}, "\n"))
		want := []string{
			"2 created", "3 failed line", "4 created", "5 created", "6 failed line",
			"7 created", "8 failed line", "9 failed price.amount", "10 failed attributes", "11 created",
		}
		requireOutcomes(t, results, want...)
	})

	for heading, want := range map[string][]string{
		"sku,colour":             {"body.columns[1] unknown_field"},
		"sku,name,sku":           {"body.columns[2] duplicate_field"},
		"SKU,Name":               {"body.columns required", "body.columns[0] unknown_field", "body.columns[1] unknown_field"},
		"name":                   {"body.columns required"},
		"sku;name":               {"body.columns required", "body.columns[0] unknown_field"},
		"":                       {"body.columns required", "body.columns[0] unknown_field"}, // of the next line
		`"sku`:                   {"body invalid_syntax"},
		"sku,na\"me":             {"body invalid_syntax"},
		"sku,n\xe4me":            {"body.columns[1] invalid_utf8"},
		strings.Repeat("x", 3e5): {"body too_long"},
	} {
		t.Run(fmt.Sprintf("the header %.20q is a 400 with its errors", heading), func(t *testing.T) {
			t.Parallel()
			requireErrors(t, s.sendImport(t, csv, "", heading+"\nM1\n"), want)
		})
	}

	t.Run("an empty file is a 400", func(t *testing.T) {
		t.Parallel()
		requireErrors(t, s.sendImport(t, csv, "", "\n \r\n"), []string{"body required"})
	})

	t.Run("another character set is a 415", func(t *testing.T) {
		t.Parallel()
		s.sendImport(t, "text/csv; charset=iso-8859-1", "", "sku\nA\n").MustBeProblem(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
	})
}

// requireErrors fails the test unless the response is a 400 with the given errors, as
// "location code", and without messages of a parser.
func requireErrors(t *testing.T, response functiontest.Response, want []string) {
	t.Helper()
	response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	var problem api.Problem
	response.Into(t, &problem)
	if diff := cmp.Diff(want, locations(t, problem.Errors)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

// locations returns errors as "location code", sorted.
func locations(t *testing.T, errs []api.FieldError) (short []string) {
	t.Helper()
	for _, e := range errs {
		if strings.ContainsAny(e.Message, "\uFFFD^") || e.Message == "" || strings.Contains(e.Message, "parse error") {
			t.Errorf("the text of %s is %q", e.Location, e.Message)
		}
		short = append(short, e.Location+" "+e.Code)
	}
	slices.Sort(short)
	return short
}
