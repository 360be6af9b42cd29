package payment

import (
	"os"
	"testing"

	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// logs are the log entries of all tests of this package.
var logs *functiontest.Logs

func TestMain(m *testing.M) {
	logs = functiontest.RecordLogs()
	os.Exit(dbtest.NewPlanChecker(m, FilledRows, append(function.Migrations(), Migrations)...).Run())
}
