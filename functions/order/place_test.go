package order_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/address"
	"souk/shared/function/functiontest"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	s := open(t)
	buyer := s.customer(t)
	assam, cup := s.mustAddProduct(t, "Assam", 1299), s.mustAddProduct(t, "Cup", 500)

	t.Run("the order is pending, has the shop's prices, and a stock reservation is requested", func(t *testing.T) {
		t.Parallel()
		response := s.place(t, buyer, fixtures.Item(assam, 2), fixtures.Item(cup, 1))
		var o order.Order
		response.MustBe(t, http.StatusCreated).Into(t, &o)
		if o.Status != order.Pending || o.UserID != buyer.UserID || o.Total.Amount != 3098 || o.Total.Currency != "EUR" || o.Version != 1 {
			t.Errorf("placed %+v", o)
		}
		if len(o.Items) != 2 || o.Items[0].Name != "Assam" || o.Items[0].LineTotal.Amount != 2598 || o.Items[1].UnitPrice.Amount != 500 {
			t.Errorf("items %+v", o.Items)
		}
		if len(o.History) != 1 || o.History[0].Status != order.Pending {
			t.Errorf("history %+v", o.History)
		}
		if got, want := response.Header.Get("Location"), "/v1/orders/"+o.ID.String(); got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
		if got := response.Header.Get("ETag"); got != `"1"` {
			t.Errorf(`ETag is %s, want "1"`, got)
		}
		if got := response.Header.Get("Preference-Applied"); got != "" {
			t.Errorf("Preference-Applied is %q without a preference", got)
		}
		if diff := cmp.Diff(o, s.mustGet(t, buyer.token, o.ID), cmpopts.IgnoreUnexported(order.Order{}, order.HistoryEntry{})); diff != "" {
			t.Errorf("(-response +stored):\n%s", diff)
		}
		if e := s.publishedPlaced(t, o.ID); len(e.Items) != 2 || e.Items[0] != (order.PlacedItem{ProductID: assam, Quantity: 2, UnitPrice: o.Items[0].UnitPrice}) || e.Total != o.Total {
			t.Errorf("order-placed is %+v", e)
		}
	})

	t.Run("the shipping address is stored", func(t *testing.T) {
		t.Parallel()
		sent := map[string]any{"name": "Amira Haddad", "company": "Haddad Trading", "line1": "12 Market Street", "city": "Hong Kong",
			"region": "Kowloon", "country": "HK", "phone": "+852 2123-4567"}
		var o order.Order
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
			Body: map[string]any{"items": []any{fixtures.Item(cup, 1)}, "shippingAddress": sent}}).MustBe(t, http.StatusCreated).Into(t, &o)
		stored := s.mustGet(t, buyer.token, o.ID)
		want := &address.PostalAddress{Name: "Amira Haddad", Company: "Haddad Trading", Line1: "12 Market Street", City: "Hong Kong",
			Region: "Kowloon", Country: "HK", Phone: "+85221234567"}
		if diff := cmp.Diff(want, stored.ShippingAddress); diff != "" {
			t.Errorf("stored address (-want +got):\n%s", diff)
		}
	})

	t.Run("an unknown and an archived product are rejected", func(t *testing.T) {
		t.Parallel()
		archived := uuid.New()
		s.mustSync(t, archived, 2, "Old", 100, "archived")
		for id, retryAfter := range map[uuid.UUID]string{uuid.New(): "1", archived: ""} {
			response := s.place(t, buyer, fixtures.Item(cup, 1), fixtures.Item(id, 1))
			response.MustBeProblem(t, http.StatusConflict, "product_unavailable")
			if got := response.Header.Get("Retry-After"); got != retryAfter {
				t.Errorf("Retry-After is %q, want %q", got, retryAfter)
			}
		}
	})

	t.Run("an invalid order is rejected", func(t *testing.T) {
		t.Parallel()
		bad := map[string][]map[string]any{
			"no items":            {},
			"a duplicate product": {fixtures.Item(cup, 1), fixtures.Item(cup, 1)},
			"a quantity of 0":     {fixtures.Item(cup, 0)},
			"too many units":      {fixtures.Item(cup, 1001)},
			"a price":             {{"productId": cup, "quantity": 1, "unitPrice": map[string]any{"amount": 1, "currency": "EUR"}}},
			"an invalid id":       {{"productId": "7", "quantity": 1}},
		}
		for name, items := range bad {
			t.Run(name, func(t *testing.T) {
				s.place(t, buyer, items...).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			})
		}
	})

	t.Run("every duplicate is reported, with the other errors", func(t *testing.T) {
		t.Parallel()
		response := s.place(t, buyer, fixtures.Item(cup, 1), fixtures.Item(cup, 1), fixtures.Item(assam, 0), fixtures.Item(assam, 1))
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		for _, location := range []string{"body.items[1].productId", "body.items[2].quantity", "body.items[3].productId"} {
			if !strings.Contains(string(response.Body), `"`+location+`"`) {
				t.Errorf("%s is not among the errors: %s", location, response.Body)
			}
		}
	})

	t.Run("items of two currencies are rejected", func(t *testing.T) {
		t.Parallel()
		dollar := uuid.New()
		e := functiontest.NewEvent(t, "product-changed", map[string]any{"productId": dollar, "sku": "MUG", "name": "Mug", "status": "active", "version": 1,
			"price": map[string]any{"amount": 1, "currency": "USD"}})
		s.Deliver(t, "catalog-sync", e).MustBe(t, http.StatusNoContent)
		s.place(t, buyer, fixtures.Item(cup, 1), fixtures.Item(dollar, 1)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("a total that overflows is rejected", func(t *testing.T) {
		t.Parallel()
		gold := uuid.New()
		s.mustSync(t, gold, 1, "Gold", 1<<53-1, "active")
		s.place(t, buyer, fixtures.Item(gold, 2)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		s.place(t, buyer, fixtures.Item(gold, 1), fixtures.Item(cup, 1)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("a caller without a token is rejected", func(t *testing.T) {
		t.Parallel()
		s.place(t, customer{}, fixtures.Item(cup, 1)).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// publishedPlaced returns the order-placed event of an order.
func (s testService) publishedPlaced(t *testing.T, id uuid.UUID) order.Placed {
	t.Helper()
	for _, e := range s.Published.Events("order-placed") {
		var p order.Placed
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			t.Fatal(err)
		}
		if p.OrderID == id {
			return p
		}
	}
	t.Fatalf("order-placed of %s was not published", id)
	return order.Placed{}
}
