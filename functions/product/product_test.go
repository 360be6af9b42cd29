package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// shop is the product service under test, with the access token of an admin.
type shop struct {
	*functiontest.Server
	admin string
}

func open(t testing.TB) shop {
	t.Helper()
	options := []functiontest.Option{functiontest.WithContract(contract)}
	if _, isBenchmark := t.(*testing.B); isBenchmark {
		options = nil // checking long responses would take most of the time
	}
	s := functiontest.Start(t, functions.Manifest(), "product", product.Functions, product.Migrations, nil, options...)
	return shop{Server: s, admin: s.Tokens.Admin(t)}
}

// tea returns a body that creates a product.
func tea(sku string, stock int) map[string]any {
	return map[string]any{
		"sku": sku, "name": "Assam, 250 g", "description": "Malty.", "category": "tea",
		"price": map[string]any{"amount": 1299, "currency": "EUR"}, "stock": stock,
	}
}

func (s shop) mustCreate(t *testing.T, body map[string]any) product.Product {
	t.Helper()
	var p product.Product
	s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: s.admin, Body: body}).
		MustBe(t, http.StatusCreated).Into(t, &p)
	return p
}

func (s shop) mustGet(t *testing.T, id uuid.UUID) product.Product {
	t.Helper()
	var p product.Product
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/" + id.String()}).
		MustBe(t, http.StatusOK).Into(t, &p)
	return p
}
