//go:build !container

package main

import (
	"fmt"
	"text/tabwriter"

	"souk/cmd/souk/internal/cost"
)

// capacity prints what gives first when the shop grows, and what lifts it.
func (p *program) capacity(shop cost.Shop, asJSON bool) error {
	ceilings := cost.Capacity(shop)
	if asJSON {
		return p.printJSON(ceilings)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, c := range ceilings {
		unit := c.Unit + "/s"
		if c.Unit == "instances" {
			unit = c.Unit
		}
		fmt.Fprintf(table, "%.0f\t%s\t%s\t%s\n\t\t\tlifted by %s\n", c.PerSecond, unit, c.Name, c.How, c.Lift)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the ceilings: %w", err)
	}
	return nil
}
