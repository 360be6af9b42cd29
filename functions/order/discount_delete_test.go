package order_test

import (
	"net/http"
	"testing"
)

func TestDiscountDelete(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	d := s.mustCreateDiscount(t, tenPercent("ONCE"))
	s.changeDiscount(t, http.MethodDelete, d.ID, nil).MustBe(t, http.StatusNoContent)
	s.changeDiscount(t, http.MethodDelete, d.ID, nil).MustBeProblem(t, http.StatusNotFound, "discount_not_found")
	s.changeDiscount(t, http.MethodPatch, d.ID, map[string]any{"rate": 1}).MustBeProblem(t, http.StatusNotFound, "discount_not_found")
	s.mustCreateDiscount(t, tenPercent("ONCE")) // its code is free
}
