package main

import (
	"fmt"
	"text/tabwriter"

	"souk/cmd/souk/internal/audit"
)

func (p *program) printAudit(r audit.Report) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, result := range r.Checks {
		if result.NotChecked {
			fmt.Fprintf(table, "NOT CHECKED\t%s\n", result.Check)
			continue
		}
		if result.Count == 0 {
			fmt.Fprintf(table, "ok\t%s\n", result.Check)
			continue
		}
		found := "FOUND"
		if result.Accepted {
			found = "accepted"
		}
		fmt.Fprintf(table, "%s %d\t%s\t%s\n", found, result.Count, result.Check, result.Means)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for _, result := range r.Checks {
		for _, finding := range result.Examples {
			fmt.Fprintf(p.stdout, "%s: %s: %s\n", result.Check, finding.Subject, finding.Detail)
		}
		if more := result.Count - len(result.Examples); more > 0 {
			fmt.Fprintf(p.stdout, "%s: and %d more\n", result.Check, more)
		}
	}
	p.printMoney(r)
	outcome := p.green("it adds up")
	if !r.OK {
		outcome = p.red("it does not add up, or not all was checked")
	}
	p.say("%s: %d orders, %d products, %d reservations, %d users. Changed within %s and not compared: %d.",
		outcome, r.Rows["orders"], r.Rows["product"], r.Rows["reservation"], r.Rows["user"], r.Grace, r.InFlight)
	return nil
}

// printMoney prints the sums of each currency, and what was compared with the provider.
func (p *program) printMoney(r audit.Report) {
	for _, total := range r.Money {
		if r.Provider.Checked {
			p.say("%s: %d by paid orders less refunds, %d captured and not refunded, %d at the provider (minor units)",
				total.Currency, total.Orders, total.Payments, total.Provider)
		} else {
			p.say("%s: %d by paid orders less refunds, %d captured and not refunded (minor units)", total.Currency, total.Orders, total.Payments)
		}
	}
	if !r.Provider.Checked {
		p.say("%s", p.red("NOT CHECKED: the payments at the provider: "+r.Provider.Reason))
		return
	}
	p.say("Compared with %d payments at the provider %s. Payments of other providers, not compared: %d.",
		r.Provider.Payments, r.Provider.Name, r.Provider.Others)
}
