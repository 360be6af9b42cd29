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

// benchCatalog is the size of the catalogue to which the bounds apply.
const benchCatalog = 100_000

// Bounds that are printed beside the figures. They are informative: the speed of the
// machine varies, so no benchmark fails because of them.
const (
	maxLastOverFirst = 1.2
	maxSearchOverGet = 5.0
	maxImportTime    = 20 * time.Second
	maxImportMemory  = 64 << 20
)

// rounds is the number of measurements of each request. On a busy machine, medians of 20
// rounds vary by 10 %.
const rounds = 100

// medians sends requests in turn, so that the load of the machine affects all of them
// equally, and returns the median time of each.
func (s shop) medians(b *testing.B, paths ...string) []time.Duration {
	b.Helper()
	times := make([][]time.Duration, len(paths))
	for range rounds {
		for i, path := range paths {
			begin := time.Now()
			s.Do(b, functiontest.Request{Method: http.MethodGet, Path: path}).MustBe(b, http.StatusOK)
			times[i] = append(times[i], time.Since(begin))
		}
	}
	var medians []time.Duration
	for _, durations := range times {
		slices.Sort(durations)
		medians = append(medians, durations[len(durations)/2])
	}
	return medians
}

// discardLogs discards the log until the benchmark ends.
func discardLogs(b *testing.B) {
	b.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	b.Cleanup(func() { slog.SetDefault(before) })
}

// BenchmarkList compares page 1,000 to page 1 in every order.
func BenchmarkList(b *testing.B) {
	discardLogs(b)
	s := open(b)
	product.InsertRows(b, s.DB, benchCatalog)
	for b.Loop() {
		for _, order := range []string{"newest", "price", "-price", "name"} {
			first, token := "/v1/products?orderBy="+order, ""
			var page api.Page[product.Product]
			for range 200 { // pages of 100, equivalent to 1,000 pages of 20
				page = api.Page[product.Product]{}
				s.Do(b, functiontest.Request{Method: http.MethodGet, Path: first + "&pageSize=100&pageToken=" + token}).
					MustBe(b, http.StatusOK).Into(b, &page)
				token = page.NextPageToken
			}
			times := s.medians(b, first, first+"&pageToken="+token)
			ratio := float64(times[1]) / float64(times[0])
			b.Logf("orderBy=%s: page 1 %s, page 1,000 %s: %.2f × (bound %.1f)", order, times[0], times[1], ratio, maxLastOverFirst)
			b.ReportMetric(ratio, "page1000/page1:"+order)
		}
	}
}

// BenchmarkSearch compares full-text searches with two filters to the request of one
// product: for words of every frequency, and for a typical mix of searches.
func BenchmarkSearch(b *testing.B) {
	discardLogs(b)
	s := open(b)
	catalog := product.InsertCatalog(b, s.DB, benchCatalog)
	item := "/v1/products/" + s.mustListBench(b, "?pageSize=1").Items[0].ID.String()
	query := func(words ...string) string {
		return "/v1/products?minPrice=500&inStock=true&q=" + strings.Join(words, "+")
	}
	for b.Loop() {
		for _, rank := range []int{0, 50, 200, 1_000, 5_000, 10_000} {
			word := catalog.Words[rank]
			times := s.medians(b, item, query(word))
			b.Logf("a word in %d products: %s, a get %s: %.1f × (bound %.0f)", catalog.In[word], times[1], times[0], float64(times[1])/float64(times[0]), maxSearchOverGet)
		}
		for name, filter := range map[string]string{
			"of one category in 200":   "category=c7&inStock=true",
			"at one of 10,000 prices":  "minPrice=5000&maxPrice=5001",
			"at a price of no product": "minPrice=9000000&inStock=true",
			"cheapest first":           "minPrice=500&orderBy=price",
		} {
			times := s.medians(b, item, "/v1/products?"+filter+"&q="+catalog.Words[0])
			b.Logf("a word in %d products, %s: %.1f ×", catalog.In[catalog.Words[0]], name, float64(times[1])/float64(times[0]))
		}
		times := s.medians(b, item, query(catalog.Words[0], catalog.Words[1]), query(catalog.Words[100], catalog.Words[101]))
		b.Logf("two words in %d and %d products: %.1f ×, in %d and %d: %.1f ×", catalog.In[catalog.Words[0]], catalog.In[catalog.Words[1]], float64(times[1])/float64(times[0]),
			catalog.In[catalog.Words[100]], catalog.In[catalog.Words[101]], float64(times[2])/float64(times[0]))
		paths := []string{item}
		for i, text := range catalog.Texts[:60] {
			paths = append(paths, query(text[:1+i%3]...))
		}
		times = s.medians(b, paths...)
		var ratios []float64
		within := 0
		for _, took := range times[1:] {
			ratio := float64(took) / float64(times[0])
			ratios = append(ratios, ratio)
			if ratio <= maxSearchOverGet {
				within++
			}
		}
		slices.Sort(ratios)
		b.Logf("%d queries of 1 to 3 words from a product's name: median %.1f ×, worst %.1f ×, %d of them within the bound of %.0f × a get of %s",
			len(ratios), ratios[len(ratios)/2], ratios[len(ratios)-1], within, maxSearchOverGet, times[0])
		b.ReportMetric(ratios[len(ratios)/2], "search/get")
	}
}

func (s shop) mustListBench(b *testing.B, query string) (page api.Page[product.Product]) {
	b.Helper()
	s.Do(b, functiontest.Request{Method: http.MethodGet, Path: "/v1/products" + query}).MustBe(b, http.StatusOK).Into(b, &page)
	return page
}

// BenchmarkImport imports 10,000 lines, of which 1 % are invalid, and then their export.
func BenchmarkImport(b *testing.B) {
	discardLogs(b)
	var text strings.Builder
	for i := range 10_000 {
		price := 100 + i
		if i%100 == 50 {
			price = -1
		}
		fmt.Fprintf(&text, `{"sku":"IMP-%d","name":"Product %d","description":"The description of product %d.","category":"c%d","price":{"amount":%d,"currency":"EUR"},"stock":%d}`+"\n",
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
		b.Logf("10,000 lines in %s (bound %s), heap grew by %.1f MiB, including the client (bound %d)", took, maxImportTime, float64(heap)/(1<<20), maxImportMemory>>20)
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

// watchHeap returns a function that returns the maximum growth of the heap in bytes.
func watchHeap() (stop func() uint64) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done, growth := make(chan struct{}), make(chan uint64)
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
				growth <- highest - before.HeapAlloc
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-growth
	}
}
