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

// rounds is how often each request is measured. The medians of 20 rounds on a busy
// machine are off by a tenth.
const rounds = 100

// medians runs some requests in turn, so that all see the same machine, and
// returns the median time of each.
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

// BenchmarkList compares page 1,000 to page 1 in every order.
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
		}
	}
}

// BenchmarkSearch compares full-text queries with two filters to the get of one
// product: for words of every frequency, and for a mix that customers may type.
func BenchmarkSearch(b *testing.B) {
	quiet(b)
	s := open(b)
	shelf := product.MustStock(b, s.DB, benchCatalog)
	item := "/v1/products/" + s.mustSome(b, "?pageSize=1").Items[0].ID.String()
	query := func(words ...string) string {
		return "/v1/products?minPrice=500&inStock=true&q=" + strings.Join(words, "+")
	}
	for b.Loop() {
		for _, rank := range []int{0, 50, 200, 1_000, 5_000, 10_000} {
			word := shelf.Words[rank]
			times := s.medians(b, item, query(word))
			b.Logf("a word in %d products: %s, a get %s: %.1f × (bound %.0f)", shelf.In[word], times[1], times[0], float64(times[1])/float64(times[0]), maxSearchOverGet)
		}
		for what, filter := range map[string]string{
			"of one category in 200":     "category=c7&inStock=true",
			"at one of 10,000 prices":    "minPrice=5000&maxPrice=5001",
			"at a price that nothing is": "minPrice=9000000&inStock=true",
			"cheapest first":             "minPrice=500&orderBy=price",
		} {
			times := s.medians(b, item, "/v1/products?"+filter+"&q="+shelf.Words[0])
			b.Logf("a word in %d products, %s: %.1f ×", shelf.In[shelf.Words[0]], what, float64(times[1])/float64(times[0]))
		}
		times := s.medians(b, item, query(shelf.Words[0], shelf.Words[1]), query(shelf.Words[100], shelf.Words[101]))
		b.Logf("two words in %d and %d products: %.1f ×, in %d and %d: %.1f ×", shelf.In[shelf.Words[0]], shelf.In[shelf.Words[1]], float64(times[1])/float64(times[0]),
			shelf.In[shelf.Words[100]], shelf.In[shelf.Words[101]], float64(times[2])/float64(times[0]))
		paths := []string{item}
		for i, text := range shelf.Texts[:60] {
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

func (s shop) mustSome(b *testing.B, query string) (page api.Page[product.Product]) {
	b.Helper()
	s.Do(b, functiontest.Request{Method: http.MethodGet, Path: "/v1/products" + query}).MustBe(b, http.StatusOK).Into(b, &page)
	return page
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
