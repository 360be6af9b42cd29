package e2e_test

import (
	"encoding/json"
	"testing"

	"souk/emulators/load"
)

// TestLoad runs each scenario of souk load: no request may fail, and the stock must add up.
func TestLoad(t *testing.T) {
	parallel(t)
	s := startSystem(t)
	if containers != nil {
		t.Skip("souk load runs beside souk up")
	}
	for _, scenario := range load.Scenarios() {
		t.Run(string(scenario)+" sends what was asked for, and the stock adds up", func(t *testing.T) {
			var got load.Result
			printed := s.souk(t, "load", string(scenario), "--users", "8", "--duration", "2s", "--stock", "30", "--json")
			if err := json.Unmarshal(printed, &got); err != nil {
				t.Fatalf("%v: %s", err, printed)
			}
			if !got.AddsUp() || len(got.Failures) > 0 || len(got.Operations) == 0 {
				t.Errorf("got %+v", got)
			}
			if scenario == load.FlashSale && (got.Orders.Confirmed != 30 || got.Stock.Remaining != 0) {
				t.Errorf("%d of 30 units are sold, %d remain", got.Orders.Confirmed, got.Stock.Remaining)
			}
		})
	}
	eventually(t, "the audit finds nothing", func() bool { return s.audit(t, "--grace", "0s").OK }) // once the last mails are sent
}
