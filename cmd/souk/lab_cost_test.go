//go:build !container

package main_test

import (
	"path/filepath"
	"testing"

	"souk/cmd/souk/internal/cost"
	"souk/emulators/lab"
	"souk/functions"
)

// TestScalingPageHasTheCosts compares the costs in docs/scaling.md with the estimates of now.
func TestScalingPageHasTheCosts(t *testing.T) {
	t.Parallel()
	run, err := lab.ReadRun("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	prices, err := cost.StandardPrices()
	if err != nil {
		t.Fatal(err)
	}
	const terraform = "../../terraform"
	for _, name := range lab.Environments() {
		settings, err := cost.ReadSettings(terraform, filepath.Join(terraform, "env", name+".tfvars.example"))
		if err != nil {
			t.Fatal(err)
		}
		shop, err := cost.NewShop(functions.Manifest(), settings)
		if err != nil {
			t.Fatal(err)
		}
		estimate, err := cost.Estimate(shop, prices, cost.Usage{Orders: lab.BusyUsage.Orders, Reads: lab.BusyUsage.Reads, Users: lab.BusyUsage.Users})
		if err != nil {
			t.Fatal(err)
		}
		stored := run.Costs[name]
		if !near(estimate.IdleUSD, stored.Idle) || !near(estimate.TotalUSD, stored.Busy) {
			t.Errorf("%s costs %.2f and %.2f USD, and the page has %.2f and %.2f: make generate", name, estimate.IdleUSD, estimate.TotalUSD, stored.Idle, stored.Busy)
		}
	}
}

func near(a, b float64) bool { return a-b < 0.01 && b-a < 0.01 }
