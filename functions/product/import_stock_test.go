package product_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

// mustOrder delivers an order for units of a product and returns its outcome.
func (s shop) mustOrder(t *testing.T, p product.Product, units int) string {
	t.Helper()
	order := uuid.Must(uuid.NewV7())
	s.mustReserve(t, placedEvent(t, order, item(p, units)))
	return s.outcome(t, order)
}

// TestImportNoStockSoldBefore imports files that were exported or written before the
// stock was sold. They must not restore the stock.
func TestImportNoStockSoldBefore(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]func(t *testing.T, s shop) (mediaType, text string){
		"an export as NDJSON": func(t *testing.T, s shop) (string, string) { return ndjson, s.mustExport(t, "ndjson") },
		"an export as CSV":    func(t *testing.T, s shop) (string, string) { return csv, s.mustExport(t, "csv") },
		"NDJSON with stock":   func(*testing.T, shop) (string, string) { return ndjson, `{"sku":"SOLD","stock":50}` },
		"CSV with stock":      func(*testing.T, shop) (string, string) { return csv, "sku,stock\nSOLD,50\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			p := s.mustCreate(t, fixtures.Product("SOLD", 50))
			mediaType, text := file(t, s)
			if got := s.mustOrder(t, p, 50); got != "reserved" {
				t.Fatalf("the first order is %q, want reserved", got)
			}
			_, sum := s.mustImport(t, mediaType, text)
			want := product.ImportSummary{Unchanged: 1}
			if strings.Contains(name, "with stock") {
				want.StockIgnored = 1
			}
			if diff := cmp.Diff(want, sum); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
			if after := s.mustGet(t, p.ID); after.Available != 0 || after.Version != p.Version {
				t.Errorf("after the import %d are available in version %d, want 0 in %d", after.Available, after.Version, p.Version)
			}
			if got := s.mustOrder(t, p, 1); got == "reserved" {
				t.Error("51 of 50 units are sold")
			}
		})
	}
}

func TestImportStockDelta(t *testing.T) {
	t.Parallel()

	t.Run("it changes the stock by a movement, and is the initial stock of a new product", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		p := s.mustCreate(t, fixtures.Product("OLD", 5))
		results, sum := s.mustImport(t, csv, "sku,name,price,currency,stock,stockDelta\nOLD,Assam,1,EUR,,-5\nNEW,Sencha,1,EUR,,7\nFIRST,Mug,1,EUR,3,\nOLD,Assam,1,EUR,,0\n")
		requireOutcomes(t, results, "2 updated", "3 created", "4 created", "5 unchanged")
		if sum.StockIgnored != 0 {
			t.Errorf("summary %+v", sum)
		}
		if old, created, first := s.mustGet(t, p.ID), s.mustFind(t, "NEW"), s.mustFind(t, "FIRST"); old.Available != 0 || created.Available != 7 || first.Available != 3 {
			t.Errorf("available %d, %d and %d, want 0, 7 and 3", old.Available, created.Available, first.Available)
		}
		s.requireStockMatchesMovements(t)
	})

	t.Run("it is applied again without an importId, and once with an importId", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		p := s.mustCreate(t, fixtures.Product("OLD", 5))
		file := `{"sku":"OLD","stockDelta":2}` + "\n" + `{"sku":"NEW","name":"x","price":{"amount":1,"currency":"EUR"},"stockDelta":4}` + "\n" + `{"sku":"old","stockDelta":2}`
		s.mustImport(t, ndjson, file)
		s.mustImport(t, ndjson, file)
		if got := s.mustGet(t, p.ID).Available; got != 13 {
			t.Errorf("without an id %d are available, want 13", got)
		}
		id := uuid.NewString()
		for i, want := range []product.ImportSummary{{Updated: 3}, {Unchanged: 3, StockDeltaRepeated: 3}} {
			_, sum := mustDecodeReport(t, s.sendImport(t, ndjson, "?importId="+id, file))
			if diff := cmp.Diff(want, sum); diff != "" {
				t.Errorf("request %d with the id (-want +got):\n%s", i+1, diff)
			}
		}
		if got := s.mustGet(t, p.ID).Available; got != 17 {
			t.Errorf("with an id %d are available, want 17", got)
		}
		s.requireStockMatchesMovements(t)
	})

	t.Run("it fails if the importId belongs to another file", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustCreate(t, fixtures.Product("ONE", 5))
		s.mustCreate(t, fixtures.Product("TWO", 5))
		query := "?importId=" + uuid.NewString()
		mustDecodeReport(t, s.sendImport(t, ndjson, query, `{"sku":"ONE","stockDelta":1}`))
		for _, other := range []string{`{"sku":"TWO","stockDelta":1}`, `{"sku":"ONE","stockDelta":2}`} {
			results, _ := mustDecodeReport(t, s.sendImport(t, ndjson, query, other))
			if diff := cmp.Diff([]string{"stockDelta not_allowed"}, locations(t, results[0].Errors)); diff != "" {
				t.Errorf("%s: errors (-want +got):\n%s", other, diff)
			}
		}
		s.requireStockMatchesMovements(t)
	})

	t.Run("an importId that is not a UUID is rejected", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		response := s.sendImport(t, ndjson, "?importId=monday", `{"sku":"A"}`)
		requireErrors(t, response, []string{"query.importId invalid_format"})
	})

	t.Run("concurrent imports of a file apply it once, and do not remove reserved stock", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		const lines, senders = 20, 6
		var file strings.Builder
		products := make([]product.Product, lines)
		for i := range products {
			products[i] = s.mustCreate(t, fixtures.Product(fmt.Sprintf("P%d", i), 3))
			fmt.Fprintf(&file, `{"sku":"P%d","stockDelta":-2}`+"\n", i)
		}
		query := "?importId=" + uuid.NewString()
		var all sync.WaitGroup
		var mutex sync.Mutex
		applied, failed := 0, 0
		for range senders {
			all.Go(func() {
				results, _ := mustDecodeReport(t, s.sendImport(t, ndjson, query, file.String()))
				mutex.Lock()
				defer mutex.Unlock()
				for _, r := range results {
					if r.Outcome == product.LineUpdated {
						applied++
					}
					if r.Outcome == product.LineFailed {
						failed++
					}
				}
			})
			all.Go(func() {
				for _, p := range products {
					s.mustOrder(t, p, 1)
				}
			})
		}
		all.Wait()
		if applied+failed < lines || applied > lines {
			t.Errorf("%d lines were applied and %d failed, of %d", applied, failed, lines)
		}
		for _, p := range products {
			if got := s.mustGet(t, p.ID).Available; got != 0 {
				t.Errorf("%d of %s are available, want 0", got, p.SKU)
			}
		}
	})
}

// TestImportGzip sends a file with Content-Encoding: gzip.
func TestImportGzip(t *testing.T) {
	t.Parallel()
	s := open(t)
	send := func(t *testing.T, text string) functiontest.Response {
		t.Helper()
		var compressed bytes.Buffer
		w := gzip.NewWriter(&compressed)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return s.Do(t, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/products/import", Token: s.admin, Body: compressed.String(),
			Header: map[string]string{"Content-Type": ndjson, "Content-Encoding": "gzip"},
		})
	}

	t.Run("a compressed file is imported", func(t *testing.T) {
		t.Parallel()
		_, sum := mustDecodeReport(t, send(t, `{"sku":"ZIP","name":"x","price":{"amount":1,"currency":"EUR"}}`))
		if sum.Created != 1 {
			t.Errorf("summary %+v", sum)
		}
	})

	t.Run("the decompressed size is limited", func(t *testing.T) {
		t.Parallel()
		results, sum := mustDecodeReport(t, send(t, `{"sku":"BOMB","name":"x","price":{"amount":1,"currency":"EUR"}}`+"\n"+strings.Repeat(" ", 40<<20)))
		if len(results) != 1 || !strings.Contains(sum.Stopped, "bytes") {
			t.Errorf("results %+v, summary %+v", results, sum)
		}
	})
}
