package product_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// benchCatalog is the size of the catalogue that the bounds are stated for.
const benchCatalog = 100_000

// The bounds that the figures are printed beside. This machine's speed drifts, so
// they are for people to read: no benchmark fails by them.
const (
	maxLastOverFirst = 1.2
	maxSearchOverGet = 5.0
	maxImportTime    = 20 * time.Second
	maxImportMemory  = 64 << 20
)

// medians runs some requests in turn, so that all see the same machine, and
// returns the median time of each.
func (s shop) medians(b *testing.B, paths ...string) []time.Duration {
	b.Helper()
	times := make([][]time.Duration, len(paths))
	for range 60 {
		for i, path := range paths {
			begin := time.Now()
			s.Do(b, functiontest.Request{Method: http.MethodGet, Path: path}).MustBe(b, http.StatusOK)
			times[i] = append(times[i], time.Since(begin))
		}
	}
	var middle []time.Duration
	for _, of := range times {
		slices.Sort(of)
		middle = append(middle, of[len(of)/2])
	}
	return middle
}

func quiet(b *testing.B) {
	b.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	b.Cleanup(func() { slog.SetDefault(before) })
}

// BenchmarkList compares page 1,000 to page 1 in every order, and a search with
// two filters to the get of one product.
func BenchmarkList(b *testing.B) {
	quiet(b)
	s := open(b)
	product.MustFill(b, s.DB, benchCatalog)
	for b.Loop() {
		for _, order := range []string{"newest", "price", "-price", "name"} {
			first, token := "/v1/products?orderBy="+order, ""
			var page api.Page[product.Product]
			for range 200 { // of 100: as far as 1,000 pages of 20
				page = api.Page[product.Product]{}
				s.Do(b, functiontest.Request{Method: http.MethodGet, Path: first + "&pageSize=100&pageToken=" + token}).
					MustBe(b, http.StatusOK).Into(b, &page)
				token = page.NextPageToken
			}
			times := s.medians(b, first, first+"&pageToken="+token)
			ratio := float64(times[1]) / float64(times[0])
			b.Logf("orderBy=%s: page 1 %s, page 1,000 %s: %.2f × (bound %.1f)", order, times[0], times[1], ratio, maxLastOverFirst)
			b.ReportMetric(ratio, "page1000/page1:"+order)
			times = s.medians(b, "/v1/products/"+page.Items[0].ID.String(), "/v1/products?q=batch77&category=category7&inStock=true",
				"/v1/products?q=darjeeling+batch77&maxPrice=5000&inStock=true")
			b.Logf("get %s, search %s and %s: %.2f × and %.2f × (bound %.0f)", times[0], times[1], times[2],
				float64(times[1])/float64(times[0]), float64(times[2])/float64(times[0]), maxSearchOverGet)
		}
	}
}

// BenchmarkImport imports 10,000 lines of which one in a hundred is bad, and then
// what was exported.
func BenchmarkImport(b *testing.B) {
	quiet(b)
	var text strings.Builder
	for i := range 10_000 {
		price := 100 + i
		if i%100 == 50 {
			price = -1
		}
		fmt.Fprintf(&text, `{"sku":"IMP-%d","name":"Product %d","description":"What there is to tell of number %d.","category":"c%d","price":{"amount":%d,"currency":"EUR"},"stock":%d}`+"\n",
			i, i, i, i%40, price, i%100)
	}
	for b.Loop() {
		s := open(b)
		stop := watchHeap()
		begin := time.Now()
		_, sum := s.mustImport(b, ndjson, text.String())
		took := time.Since(begin)
		if sum != (product.ImportSummary{Created: 9_900, Failed: 100}) {
			b.Fatalf("summary %+v", sum)
		}
		heap := stop()
		b.Logf("10,000 lines in %s (bound %s), heap grew by %.1f MiB, the client's share included (bound %d)", took, maxImportTime, float64(heap)/(1<<20), maxImportMemory>>20)
		begin = time.Now()
		exported := s.mustExport(b, "ndjson")
		b.Logf("exported in %s", time.Since(begin))
		begin = time.Now()
		if _, sum := s.mustImport(b, ndjson, exported); sum != (product.ImportSummary{Unchanged: 9_900}) {
			b.Fatalf("imported again: %+v", sum)
		}
		b.Logf("imported again, nothing changed, in %s", time.Since(begin))
	}
}

// watchHeap returns a function that tells how much more heap there was, at most,
// than at first.
func watchHeap() (stop func() uint64) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		highest := before.HeapAlloc
		for {
			select {
			case <-tick.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				highest = max(highest, now.HeapAlloc)
			case <-done:
				most <- highest - before.HeapAlloc
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-most
	}
}
