package product_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
)

// lowStockEvents returns the available units in the events about the low stock of a product.
func (s shop) lowStockEvents(t *testing.T, id uuid.UUID) (available []int64) {
	t.Helper()
	for _, e := range s.Published.Events("stock-low") {
		var low product.StockLow
		if err := json.Unmarshal(e.Payload, &low); err != nil {
			t.Fatal(err)
		}
		if low.ProductID == id {
			available = append(available, low.Available)
		}
	}
	return available
}

func (s shop) requireLowStockEvents(t *testing.T, p product.Product, want ...int64) {
	t.Helper()
	if diff := cmp.Diff(want, s.lowStockEvents(t, p.ID)); diff != "" {
		t.Errorf("the events about the low stock of %s (-want +got):\n%s", p.SKU, diff)
	}
}

func (s shop) mustCreateWithThreshold(t *testing.T, sku string, stock int, lowStockAt any) product.Product {
	t.Helper()
	body := fixtures.Product(sku, stock)
	body["lowStockAt"] = lowStockAt
	return s.mustCreate(t, body)
}

// TestStockLow requires an event each time that the available units of a product fall to its
// threshold, and no other.
func TestStockLow(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("orders cross the threshold", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreateWithThreshold(t, "ORDERS", 10, 5)
		for _, units := range []int{4, 1, 1} {
			s.mustOrder(t, p, units)
		}
		s.requireLowStockEvents(t, p, 5)
		s.mustOrder(t, p, 5) // more than there is
		s.mustOrder(t, p, 4)
		s.requireLowStockEvents(t, p, 5)
		s.adjust(t, p.ID, 6).MustBe(t, http.StatusOK)
		s.mustOrder(t, p, 6)
		s.requireLowStockEvents(t, p, 5, 0)
	})

	t.Run("an adjustment and an import cross the threshold", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreateWithThreshold(t, "ADJUSTED", 10, 5)
		s.adjust(t, p.ID, -4).MustBe(t, http.StatusOK)
		s.requireLowStockEvents(t, p)
		s.adjust(t, p.ID, -1).MustBe(t, http.StatusOK)
		s.adjust(t, p.ID, -1).MustBe(t, http.StatusOK)
		s.adjust(t, p.ID, 5).MustBe(t, http.StatusOK)
		s.requireLowStockEvents(t, p, 5)
		s.mustImport(t, ndjson, `{"sku":"ADJUSTED","stockDelta":-8}`)
		s.mustImport(t, ndjson, `{"sku":"ADJUSTED","stockDelta":-1}`)
		s.requireLowStockEvents(t, p, 5, 1)
	})

	t.Run("a product without a threshold, an archived one and another threshold have no event", func(t *testing.T) {
		t.Parallel()
		without, archived := s.mustCreate(t, fixtures.Product("WITHOUT", 10)), s.mustCreateWithThreshold(t, "OLD", 10, 5)
		s.archive(t, archived.ID, "*").MustBe(t, http.StatusNoContent)
		low := s.mustCreateWithThreshold(t, "LOW", 4, 5)
		s.patch(t, low.ID, "*", map[string]any{"lowStockAt": 20}).MustBe(t, http.StatusOK)
		for _, p := range []product.Product{without, archived, low} {
			s.adjust(t, p.ID, -2).MustBe(t, http.StatusOK)
			s.requireLowStockEvents(t, p)
		}
	})
}

// TestStockLowOnce has concurrent orders cross the threshold. Each crossing has one event, whatever
// orders share transactions.
func TestStockLowOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreateWithThreshold(t, "RACE", 0, 20)
	for crossing := 1; crossing <= 3; crossing++ {
		s.adjust(t, p.ID, 40).MustBe(t, http.StatusOK)
		var all sync.WaitGroup
		for range 50 {
			e := placedEvent(t, uuid.New(), item(p, 1))
			all.Go(func() { s.mustReserve(t, e) })
		}
		all.Wait()
		if got := s.mustGet(t, p.ID).Available; got != 0 {
			t.Fatalf("%d available after crossing %d, want 0", got, crossing)
		}
		if events := s.lowStockEvents(t, p.ID); len(events) != crossing {
			t.Fatalf("%d events after %d crossings: %v", len(events), crossing, events)
		}
	}
}

// TestLowStockAt sets the threshold in every way, and to nothing.
func TestLowStockAt(t *testing.T) {
	t.Parallel()
	s := open(t)
	require := func(sku string, want any) {
		t.Helper()
		requireField(t, "lowStockAt", want, s.mustFindBySKU(t, sku))
	}
	p := s.mustCreateWithThreshold(t, "A", 5, 5)
	s.patch(t, p.ID, "*", map[string]any{"name": "another"}).MustBe(t, http.StatusOK)
	require("A", 5.0)
	s.patch(t, p.ID, "*", map[string]any{"lowStockAt": nil}).MustBe(t, http.StatusOK)
	require("A", nil)
	for _, line := range []struct {
		media, text string
		want        any
	}{
		{ndjson, `{"sku":"A","lowStockAt":7}`, 7.0},
		{ndjson, `{"sku":"A","name":"third"}`, 7.0},
		{ndjson, `{"sku":"A","lowStockAt":null}`, nil},
		{csv, "sku,lowStockAt\nA,0\n", 0.0},
		{csv, "sku,lowStockAt\nA,\n", nil},
	} {
		if results, sum := s.mustImport(t, line.media, line.text); sum.Failed > 0 {
			t.Errorf("%s: %+v", line.text, results)
		}
		require("A", line.want)
	}
	for _, value := range []any{-1, product.MaxStock + 1, "many", 1.5} {
		s.patch(t, p.ID, "*", map[string]any{"lowStockAt": value}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if results, sum := s.mustImport(t, csv, fmt.Sprintf("sku,lowStockAt\nA,%v\n", value)); sum.Failed != 1 {
			t.Errorf("%v: %+v", value, results)
		}
	}
}
