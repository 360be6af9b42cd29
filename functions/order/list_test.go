package order_test

import (
	"net/http"
	"testing"

	"souk/functions/order"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func (d desk) mustList(t *testing.T, token, query string) api.Page[order.Order] {
	t.Helper()
	var page api.Page[order.Order]
	d.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders" + query, Token: token}).
		MustBe(t, http.StatusOK).Into(t, &page)
	return page
}

func TestList(t *testing.T) {
	t.Parallel()
	d := open(t)
	one, two, admin := d.customer(t), d.customer(t), d.Tokens.Admin(t)
	cup := d.mustKnow(t, "Cup", 500)
	var ones []order.Order
	for range 5 {
		ones = append(ones, d.mustPlace(t, one, line(cup, 1)))
	}
	twos := d.mustPlace(t, two, line(cup, 2))
	d.mustHear(t, "stock-reserved", ones[0].ID, "")

	t.Run("shows a customer their own, newest first, page by page", func(t *testing.T) {
		t.Parallel()
		var seen []order.Order
		token := ""
		for range ones {
			page := d.mustList(t, one.token, "?pageSize=2&pageToken="+token)
			seen = append(seen, page.Items...)
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		if len(seen) != len(ones) || token != "" {
			t.Fatalf("saw %d orders, want %d", len(seen), len(ones))
		}
		for i, o := range seen {
			if want := ones[len(ones)-1-i]; o.ID != want.ID || len(o.Items) != 1 || len(o.History) == 0 {
				t.Errorf("order %d is %+v, want %s", i, o, want.ID)
			}
		}
	})

	t.Run("shows an admin everyone's, or one account's", func(t *testing.T) {
		t.Parallel()
		if got := d.mustList(t, admin, "").Items; len(got) != 6 {
			t.Errorf("an admin sees %d orders, want 6", len(got))
		}
		if got := d.mustList(t, admin, "?userId="+two.UserID.String()).Items; len(got) != 1 || got[0].ID != twos.ID {
			t.Errorf("an admin sees %+v, want only %s", got, twos.ID)
		}
	})

	t.Run("filters by status", func(t *testing.T) {
		t.Parallel()
		if got := d.mustList(t, one.token, "?status=confirmed").Items; len(got) != 1 || got[0].ID != ones[0].ID {
			t.Errorf("got %+v, want only %s", got, ones[0].ID)
		}
		if got := d.mustList(t, one.token, "?status=shipped").Items; got == nil || len(got) != 0 {
			t.Errorf("got %+v, want []", got)
		}
	})

	t.Run("refuses what is no filter, and someone else's account", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"?status=lost", "?pageToken=e30", "?userId=" + two.UserID.String()} {
			d.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders" + query, Token: one.token}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}
