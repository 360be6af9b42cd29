package order_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/order"
)

func TestDiscountUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	created := s.mustCreateDiscount(t, fullDiscount(uuid.New()))
	var updated order.Discount
	s.changeDiscount(t, http.MethodPatch, created.ID, map[string]any{"rate": 200_000, "until": "9999-12-31T00:00:00Z", "categories": nil, "maxUses": 0, "from": "2026-02-01T00:00:00Z"}).
		MustBe(t, http.StatusOK).Into(t, &updated)
	if updated.Rate != 20*percent || updated.Until.Year() != 9999 || len(updated.Categories) != 0 || updated.MaxUses != 0 || updated.Name != created.Name ||
		updated.From == nil || updated.From.Month() != 2 || updated.Version != 2 {
		t.Errorf("updated %+v", updated)
	}
	if diff := cmp.Diff(updated, s.mustGetDiscount(t, created.ID)); diff != "" {
		t.Errorf("(-response +stored):\n%s", diff)
	}
	s.changeDiscount(t, http.MethodPatch, created.ID, map[string]any{"rate": 200_000}).MustBe(t, http.StatusOK).Into(t, &updated)
	if updated.Version != 2 {
		t.Errorf("an update without a change increases the version to %d", updated.Version)
	}
	response := s.changeDiscount(t, http.MethodPatch, created.ID, map[string]any{"until": "2026-01-01T00:00:00Z"})
	response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	if !strings.Contains(string(response.Body), `"body.until"`) {
		t.Errorf("no error at the end of the period: %s", response.Body)
	}
}
