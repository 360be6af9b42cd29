//go:build !container

package main

import (
	"path/filepath"

	"souk/cmd/souk/internal/cost"
	"souk/emulators/lab"
	"souk/functions"
)

// labCosts returns the cost estimates of the examples in a repository.
func labCosts(folder string) (map[string]lab.Cost, error) {
	prices, err := cost.StandardPrices()
	if err != nil {
		return nil, err
	}
	costs := map[string]lab.Cost{}
	for _, name := range lab.Environments() {
		terraform := filepath.Join(folder, "terraform")
		settings, err := cost.ReadSettings(terraform, filepath.Join(terraform, "env", name+".tfvars.example"))
		if err != nil {
			return nil, err
		}
		shop, err := cost.NewShop(functions.Manifest(), settings)
		if err != nil {
			return nil, err
		}
		estimate, err := cost.Estimate(shop, prices, cost.Usage{Orders: lab.BusyUsage.Orders, Reads: lab.BusyUsage.Reads, Users: lab.BusyUsage.Users})
		if err != nil {
			return nil, err
		}
		costs[name] = lab.Cost{Idle: cents(estimate.IdleUSD), Busy: cents(estimate.TotalUSD), Parts: map[string]float64{}}
		for part, usd := range estimate.Idle {
			costs[name].Parts[part] = cents(usd)
		}
	}
	return costs, nil
}

func cents(usd float64) float64 { return float64(int64(usd*100+0.5)) / 100 }
