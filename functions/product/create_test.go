package product_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/product"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("the response is the product with Location and ETag, and the event is published", func(t *testing.T) {
		t.Parallel()
		response := s.Do(t, fixtures.CreateProduct(s.admin, fixtures.Product("ASSAM", 50)))
		var p product.StaffProduct
		response.MustBe(t, http.StatusCreated).Into(t, &p)
		if p.SKU != "ASSAM" || p.Available != 50 || p.Status != product.Active || p.Version != 1 || p.Price.Amount != 1299 {
			t.Errorf("created %+v", p)
		}
		if got, want := response.Header.Get("Location"), "/v1/products/"+p.ID.String(); got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
		if got := response.Header.Get("ETag"); got != p.ETag() {
			t.Errorf("ETag is %q, want %q", got, p.ETag())
		}
		if diff := cmp.Diff(p.Product, s.mustGet(t, p.ID)); diff != "" {
			t.Errorf("(-response +stored):\n%s", diff)
		}
		var published bool
		for _, e := range s.Published.Events("product-changed") {
			var changed product.Changed
			if err := json.Unmarshal(e.Payload, &changed); err != nil {
				t.Fatal(err)
			}
			published = published || changed.ProductID == p.ID && changed.Version == 1 && changed.Price == p.Price
		}
		if !published {
			t.Error("product-changed was not published")
		}
	})

	t.Run("the SKU of another product is rejected", func(t *testing.T) {
		t.Parallel()
		s.mustCreate(t, fixtures.Product("TAKEN", 1))
		s.Do(t, fixtures.CreateProduct(s.admin, fixtures.Product("TAKEN", 1))).
			MustBeProblem(t, http.StatusConflict, "sku_taken")
	})

	t.Run("all errors of the input are reported together", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Product("bad sku", -1)
		body["colour"] = "green"
		body["price"] = map[string]any{"amount": -5, "currency": "euro"}
		response := s.Do(t, fixtures.CreateProduct(s.admin, body))
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		for _, location := range []string{"body.sku", "body.stock", "body.colour", "body.price.amount", "body.price.currency"} {
			if !strings.Contains(string(response.Body), `"`+location+`"`) {
				t.Errorf("%s is not among the errors: %s", location, response.Body)
			}
		}
	})

	t.Run("an unknown currency is rejected", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Product("XQQ", 1)
		body["price"] = map[string]any{"amount": 5, "currency": "XQQ"}
		s.Do(t, fixtures.CreateProduct(s.admin, body)).
			MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("only admins may create products", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		s.Do(t, fixtures.CreateProduct("", fixtures.Product("A", 1))).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.Do(t, fixtures.CreateProduct(customer, fixtures.Product("A", 1))).
			MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
