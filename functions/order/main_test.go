package order_test

import (
	"os"
	"testing"

	"souk/functions/order"
	"souk/shared/dbtest"
	"souk/shared/function"
)

func TestMain(m *testing.M) {
	os.Exit(dbtest.NewPlanChecker(m, dbtest.Rows{
		"orders.status": "IF(n % 100 = 0, 'confirmed', IF(n % 7 = 0, 'cancelled', 'delivered'))",
	}, append(function.Migrations(), order.Migrations)...).Run())
}
