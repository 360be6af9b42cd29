package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
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

func (s shop) mustCreate(t *testing.T, body map[string]any) product.Product {
	t.Helper()
	var p product.StaffProduct
	s.Do(t, fixtures.CreateProduct(s.admin, body)).MustBe(t, http.StatusCreated).Into(t, &p)
	return p.Product
}

func (s shop) mustGet(t *testing.T, id uuid.UUID) product.Product {
	t.Helper()
	var p product.Product
	s.Do(t, fixtures.GetProduct(id)).MustBe(t, http.StatusOK).Into(t, &p)
	return p
}
