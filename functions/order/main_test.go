package order_test

import (
	"os"
	"testing"

	"souk/functions/order"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// logs are the log entries of all tests of this package.
var logs *functiontest.Logs

func TestMain(m *testing.M) {
	logs = functiontest.RecordLogs()
	os.Exit(dbtest.NewPlanChecker(m, order.FilledRows, append(function.Migrations(), order.Migrations)...).Run())
}
