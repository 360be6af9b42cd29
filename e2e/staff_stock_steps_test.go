package e2e_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// stockSteps are about the products.
var stockSteps = []staffStep{
	{
		name: "adjust the stock", needs: needs(manifest.StockWrite),
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPost, Path: "/v1/products/" + d.cup.ID.String() + "/stock",
				Body: map[string]any{"delta": -15, "reason": "water damage " + d.mark}}
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			if p := d.readProduct(t, d.cup); p.Available != 4 || !p.LowStock || p.LowStockAt == nil || *p.LowStockAt != dayLowStockAt {
				t.Errorf("the product is %+v", p)
			}
			if mail := d.mustReadMails(t, stockMailbox, d.cup.Name)[0]; !strings.Contains(mail.Text, "("+d.cup.SKU+") is low: 4 available, threshold 5") {
				t.Errorf("the mail is\n%s", mail.Text)
			}
			d.requireTrail(t, "products", d.cup.ID, "stock-adjust")
			d.requireMovements(t)
		},
	}, {
		name: "list the stock movements", needs: needs(manifest.ProductsRead),
		request: get(func(d *staffDay) string { return "/v1/products/" + d.cup.ID.String() + "/stock-movements" }),
		check: func(t *testing.T, _ *staffDay, r functiontest.Response) {
			t.Helper()
			var page api.Page[product.StockMovement]
			var sum int64
			r.Into(t, &page)
			for _, m := range page.Items {
				sum += m.Delta
			}
			if sum != 4 {
				t.Errorf("the sum of the movements is %d, want 4: %s", sum, r.Body)
			}
		},
	}, {
		name: "list low stock", needs: needs(manifest.ProductsRead),
		request: get(func(d *staffDay) string { return "/v1/products/search?lowStock=true&category=" + d.category() }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			var page api.Page[product.StaffProduct]
			if r.Into(t, &page); len(page.Items) != 1 || page.Items[0].ID != d.cup.ID {
				t.Errorf("found %s, want the cup alone", r.Body)
			}
		},
	}, {
		name: "export the catalogue", needs: needs(manifest.ProductsRead),
		request: get(func(*staffDay) string { return "/v1/products/export?format=csv" }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			rows, err := csv.NewReader(strings.NewReader(string(r.Body))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []product.Product{d.cup, d.pot} {
				if !slices.ContainsFunc(rows, func(row []string) bool { return slices.Contains(row, p.SKU) && slices.Contains(row, p.Name) }) {
					t.Errorf("the export has no %s", p.SKU)
				}
			}
		},
	}, {
		name: "change a price", needs: needs(manifest.ProductsWrite),
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPatch, Path: "/v1/products/" + d.pot.ID.String(), Header: map[string]string{"If-Match": "*"},
				Body: map[string]any{"price": fixtures.Price(1499)}}
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			if p := d.readProduct(t, d.pot); p.Price.Amount != 1499 {
				t.Errorf("the product is %+v", p)
			}
			d.requireTrail(t, "products", d.pot.ID, "product-update")
		},
	},
}
