package product_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

// sources returns the sources of a product's movements, oldest first.
func (s shop) sources(t *testing.T, id uuid.UUID) (sources [][]byte) {
	t.Helper()
	rows, err := s.DB.QueryContext(t.Context(), `SELECT source FROM stock_movement WHERE product_id = ? ORDER BY id`, id[:])
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var source []byte
		if err := rows.Scan(&source); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return sources
}

// TestMovementSource changes stock in every possible way. Each movement must have a unique
// source, and the source of a request with an idempotency key is the scope of the key.
func TestMovementSource(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, fixtures.Product("SOURCE", 5))
	adjust := func(key string) {
		s.Do(t, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/products/" + p.ID.String() + "/stock", Token: s.admin,
			Body: map[string]any{"delta": 1, "reason": "delivery"}, Header: map[string]string{"Idempotency-Key": key},
		}).MustBe(t, http.StatusOK)
	}
	key := uuid.NewString()
	for _, key := range []string{key, key, uuid.NewString(), "", ""} {
		adjust(key)
	}
	s.mustImport(t, ndjson, `{"sku":"SOURCE","stockDelta":1}`)
	s.mustImport(t, ndjson, `{"sku":"SOURCE","stockDelta":1}`)

	sources := s.sources(t, p.ID)
	if len(sources) != 7 {
		t.Fatalf("%d movements, want 7: the second request with a key changes nothing", len(sources))
	}
	for i, source := range sources {
		if len(source) != 32 {
			t.Errorf("movement %d has the source %x", i, source)
		}
		for _, other := range sources[i+1:] {
			if bytes.Equal(source, other) {
				t.Errorf("two movements have the source %x", source)
			}
		}
	}
	var keyed int
	err := s.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM stock_movement JOIN idempotency_key ON scope = source WHERE product_id = ?`, p.ID[:]).Scan(&keyed)
	if err != nil || keyed != 3 { // created, and adjusted with two keys
		t.Errorf("%d movements have the scope of a key, want 3: %v", keyed, err)
	}
}

func TestReservedItemsHaveTheirPrice(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, fixtures.Product("PRICE", 5))
	if got := s.mustOrder(t, p, 2); got != "reserved" {
		t.Fatalf("the order is %q, want reserved", got)
	}
	var price product.Product
	err := s.DB.QueryRowContext(t.Context(), `SELECT unit_price, price_currency FROM reservation_item WHERE product_id = ?`, p.ID[:]).
		Scan(&price.Price.Amount, &price.Price.Currency)
	if err != nil || price.Price != p.Price {
		t.Errorf("the reserved item is at %v, want %v: %v", price.Price, p.Price, err)
	}
}
