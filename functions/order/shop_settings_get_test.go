package order_test

import (
	"net/http"
	"testing"

	"souk/functions/order"
	"souk/shared/function/functiontest"
)

func (s testService) getSettings(t *testing.T) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/settings", Token: s.Tokens.Admin(t)})
}

func TestShopSettingsGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	var initial order.ShopSettings
	response := s.getSettings(t).MustBe(t, http.StatusOK)
	response.Into(t, &initial)
	if initial.Currency != "" || initial.Version != 1 || len(initial.Zones)+len(initial.TaxRates) != 0 || response.Header.Get("ETag") != `"1"` {
		t.Errorf("a shop without settings has %+v, ETag %s", initial, response.Header.Get("ETag"))
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/settings", Token: s.customer(t).token}).MustBeProblem(t, http.StatusForbidden, "forbidden")
}
