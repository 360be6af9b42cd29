package product_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("answers 201 with the product, where it is and its ETag, and tells others", func(t *testing.T) {
		t.Parallel()
		answer := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: s.admin, Body: tea("ASSAM", 50)})
		var p product.Product
		answer.MustBe(t, http.StatusCreated).Into(t, &p)
		if p.SKU != "ASSAM" || p.Available != 50 || p.Status != product.Active || p.Version != 1 || p.Price.Amount != 1299 {
			t.Errorf("created %+v", p)
		}
		if got, want := answer.Header.Get("Location"), "/v1/products/"+p.ID.String(); got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
		if got := answer.Header.Get("ETag"); got != p.ETag() {
			t.Errorf("ETag is %q, want %q", got, p.ETag())
		}
		if stored := s.mustGet(t, p.ID); !reflect.DeepEqual(stored, p) {
			t.Errorf("stored %+v, answered %+v", stored, p)
		}
		var told bool
		for _, e := range s.Topics.Of("product-changed") {
			var changed product.Changed
			if err := json.Unmarshal(e.Payload, &changed); err != nil {
				t.Fatal(err)
			}
			told = told || changed.ProductID == p.ID && changed.Version == 1 && changed.Price == p.Price
		}
		if !told {
			t.Error("product-changed was not published")
		}
	})

	t.Run("refuses a SKU that is taken", func(t *testing.T) {
		t.Parallel()
		s.mustCreate(t, tea("TAKEN", 1))
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: s.admin, Body: tea("TAKEN", 1)}).
			MustBeProblem(t, http.StatusConflict, "sku_taken")
	})

	t.Run("names every fault of the input at once", func(t *testing.T) {
		t.Parallel()
		body := tea("bad sku", -1)
		body["colour"] = "green"
		body["price"] = map[string]any{"amount": -5, "currency": "euro"}
		answer := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: s.admin, Body: body})
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		for _, place := range []string{"body.sku", "body.stock", "body.colour", "body.price.amount", "body.price.currency"} {
			if !strings.Contains(string(answer.Body), `"`+place+`"`) {
				t.Errorf("%s is not among the errors: %s", place, answer.Body)
			}
		}
	})

	t.Run("refuses a currency that does not exist", func(t *testing.T) {
		t.Parallel()
		body := tea("XQQ", 1)
		body["price"] = map[string]any{"amount": 5, "currency": "XQQ"}
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: s.admin, Body: body}).
			MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("is for admins", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Body: tea("A", 1)}).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: customer, Body: tea("A", 1)}).
			MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
