package order_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

func TestDiscountGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	product := uuid.New()
	created := s.mustCreateDiscount(t, fullDiscount(product))
	if created.Version != 1 || created.Uses != 0 || created.Rate != 10*percent || created.ProductIDs[0] != product || created.MinimumTotal.Amount != 2000 {
		t.Errorf("created %+v", created)
	}
	if diff := cmp.Diff(created, s.mustGetDiscount(t, created.ID)); diff != "" {
		t.Errorf("(-response +stored):\n%s", diff)
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/discounts/" + product.String(), Token: s.Tokens.Admin(t)}).
		MustBeProblem(t, http.StatusNotFound, "discount_not_found")
}

// fullDiscount returns a discount with every field.
func fullDiscount(product uuid.UUID) map[string]any {
	return with(tenPercent("Welcome"), map[string]any{
		"minimumTotal": fixtures.Price(2000), "productIds": []any{product}, "categories": []any{"tea"}, "exclusive": true,
		"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "maxUses": 10, "maxUsesPerCustomer": 2,
	})
}
