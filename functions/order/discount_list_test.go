package order_test

import (
	"net/http"
	"testing"

	"souk/functions/order"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestDiscountList(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	oldest, newest := s.mustCreateDiscount(t, tenPercent("OLDEST")), s.mustCreateDiscount(t, tenPercent("NEWEST"))
	path := "/v1/discounts?pageSize=1"
	for _, want := range []order.Discount{newest, oldest} {
		var page api.Page[order.Discount]
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: s.Tokens.Admin(t)}).MustBe(t, http.StatusOK).Into(t, &page)
		if len(page.Items) != 1 || page.Items[0].ID != want.ID {
			t.Errorf("%s is %+v, want %s", path, page, want.Code)
		}
		path = "/v1/discounts?pageSize=1&pageToken=" + page.NextPageToken
	}
}
