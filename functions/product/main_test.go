package product

import (
	"os"
	"testing"

	"souk/shared/dbtest"
	"souk/shared/function"
)

func TestMain(m *testing.M) {
	os.Exit(dbtest.NewPlanChecker(m, dbtest.Rows{
		"product.name":           "CONCAT(ELT(1 + n % 4, 'Assam', 'Teapot', 'Sencha', 'Mug'), ' number', n)",
		"product.description":    "CONCAT('Batch', n % 1000, ' of leaves that were picked by hand')",
		"product.status":         "IF(n % 50 = 0, 'archived', 'active')",
		"product_word.word":      "CONCAT('batch', n % 10)",
		"product_word.in_name":   "n % 8 = 0",
		"unpaid_item.quantity":   "1",
		"product_prefix.word":    "CONCAT('bat', n % 10)",
		"product_prefix.in_name": "n % 8 = 0",
		"product.low_stock_at":   "5",
		"product.price_amount":   "100 + n * 37 % 9973",
	}, append(function.Migrations(), Migrations)...).Run())
}
