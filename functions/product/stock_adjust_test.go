package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func (s shop) adjust(t *testing.T, id uuid.UUID, delta int) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/products/" + id.String() + "/stock", Token: s.admin,
		Body: map[string]any{"delta": delta, "reason": "count"},
	})
}

func TestAdjustStock(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("units are added and removed", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("ONE", 10))
		var after product.StaffProduct
		s.adjust(t, p.ID, 5).MustBe(t, http.StatusOK).Into(t, &after)
		if after.Available != 15 || after.Version != p.Version {
			t.Errorf("after +5: %+v", after)
		}
		s.adjust(t, p.ID, -15).MustBe(t, http.StatusOK).Into(t, &after)
		if after.Available != 0 {
			t.Errorf("after -15: %d available, want 0", after.Available)
		}
	})

	t.Run("the stock cannot be negative or above the maximum", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("TWO", 2))
		s.adjust(t, p.ID, -3).MustBeProblem(t, http.StatusConflict, "insufficient_stock")
		s.adjust(t, p.ID, product.MaxStock).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if got := s.mustGet(t, p.ID).Available; got != 2 {
			t.Errorf("%d available, want 2", got)
		}
	})

	t.Run("each adjustment is stored as a movement", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("THREE", 7))
		s.adjust(t, p.ID, -3).MustBe(t, http.StatusOK)
		s.adjust(t, p.ID, -30).MustBe(t, http.StatusConflict)
		var sum, rows int64
		err := s.DB.QueryRowContext(t.Context(), `SELECT SUM(delta), COUNT(*) FROM stock_movement WHERE product_id = ?`, p.ID[:]).Scan(&sum, &rows)
		if err != nil {
			t.Fatal(err)
		}
		if sum != 4 || rows != 2 {
			t.Errorf("%d movements have the sum %d, want 2 and 4", rows, sum)
		}
	})

	t.Run("an unknown id is a 404, and a delta of 0 a 400", func(t *testing.T) {
		t.Parallel()
		s.adjust(t, uuid.New(), 1).MustBeProblem(t, http.StatusNotFound, "product_not_found")
		s.adjust(t, uuid.New(), 0).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
}
