package webhook_test

import (
	"os"
	"testing"

	"souk/functions/webhook"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// logs are the log entries of all tests of this package.
var logs *functiontest.Logs

// filledRows are the values of tables with many deliveries: few are pending, and fewer are due.
var filledRows = dbtest.Rows{
	"endpoint.event_types": "'*'",
	"endpoint.status":      "'enabled'",
	"endpoint.next_at":     "IF(n % 128 = 0, TIMESTAMPADD(SECOND, -n, NOW()), NULL)",
	"delivery.endpoint_id": "UNHEX(RPAD(LPAD(HEX(1700000000000 + n % 16), 12, '0'), 32, '7'))",
	"delivery.state":       "IF(n % 64 = 0, 'pending', 'delivered')",
	"delivery.next_at":     "IF(n % 128 = 0, TIMESTAMPADD(SECOND, -n, NOW()), NULL)",
	"delivery.expires_at":  "TIMESTAMPADD(SECOND, 100000 - n, NOW())",
	"delivery.resource_id": "UNHEX(RPAD(LPAD(HEX(1700000000000 + n % 1000), 12, '0'), 32, '7'))",
	"attempt.endpoint_id":  "UNHEX(RPAD(LPAD(HEX(1700000000000 + n % 16), 12, '0'), 32, '7'))",
}

func TestMain(m *testing.M) {
	logs = functiontest.RecordLogs()
	os.Exit(dbtest.NewPlanChecker(m, filledRows, append(function.Migrations(), webhook.Migrations)...).Run())
}
