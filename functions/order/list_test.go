package order_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func (s testService) mustList(t *testing.T, token, query string) api.Page[order.Order] {
	t.Helper()
	var page struct {
		api.Page[order.Order]
		OrderCount *struct {
			Count int64
			More  bool
		}
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders" + query, Token: token}).
		MustBe(t, http.StatusOK).Into(t, &page)
	return page.Page
}

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t)
	first, second, admin := s.customer(t), s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	var orders []order.Order
	for range 5 {
		orders = append(orders, s.mustPlace(t, first, fixtures.Item(cup, 1)))
	}
	other := s.mustPlace(t, second, fixtures.Item(cup, 2))
	s.mustDeliverStock(t, "stock-reserved", orders[0].ID, "")

	t.Run("a customer gets the own orders page by page, newest first", func(t *testing.T) {
		t.Parallel()
		var listed []order.Order
		token := ""
		for range orders {
			page := s.mustList(t, first.token, "?pageSize=2&pageToken="+token)
			listed = append(listed, page.Items...)
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		if len(listed) != len(orders) || token != "" {
			t.Fatalf("got %d orders, want %d", len(listed), len(orders))
		}
		for i, o := range listed {
			if want := orders[len(orders)-1-i]; o.ID != want.ID || len(o.Items) != 1 || len(o.History) == 0 {
				t.Errorf("order %d is %+v, want %s", i, o, want.ID)
			}
		}
	})

	t.Run("an admin gets the orders of all customers, or of one", func(t *testing.T) {
		t.Parallel()
		if got := s.mustList(t, admin, "").Items; len(got) != 6 {
			t.Errorf("an admin gets %d orders, want 6", len(got))
		}
		if got := s.mustList(t, admin, "?userId="+second.UserID.String()).Items; len(got) != 1 || got[0].ID != other.ID {
			t.Errorf("an admin gets %+v, want only %s", got, other.ID)
		}
		if got := s.mustList(t, admin, "?userId="+uuid.Nil.String()).Items; len(got) != 0 {
			t.Errorf("an admin gets %d orders of deleted accounts, want none", len(got))
		}
	})

	t.Run("the status filters orders", func(t *testing.T) {
		t.Parallel()
		if got := s.mustList(t, first.token, "?status=confirmed").Items; len(got) != 1 || got[0].ID != orders[0].ID {
			t.Errorf("got %+v, want only %s", got, orders[0].ID)
		}
		if got := s.mustList(t, first.token, "?status=shipped").Items; got == nil || len(got) != 0 {
			t.Errorf("got %+v, want []", got)
		}
	})

	t.Run("an invalid filter and the account of another customer are rejected", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{
			"?status=lost", "?pageToken=e30", "?userId=" + second.UserID.String(), "?userId=" + uuid.Nil.String(), "?customer=" + second.UserID.String(),
			"?customer=" + first.UserID.String() + "&userId=" + second.UserID.String(), "?minTotal=5", "?orderBy=total", "?minTotal=5&maxTotal=4&currency=EUR",
			"?createdFrom=2026-01-02T00:00:00Z&createdTo=2026-01-01T00:00:00Z", "?updatedFrom=2026-01-02T00:00:00Z&updatedTo=2026-01-01T00:00:00Z",
			"?createdFrom=yesterday", "?currency=eur", "?orderBy=number", "?q=" + strings.Repeat("x", 201),
		} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders" + query, Token: first.token}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}
