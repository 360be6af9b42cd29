//go:build !container

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/cost"
	"souk/functions"
)

type costFlags struct {
	usage                    cost.Usage
	terraform, values, price string
	asJSON, capacity         bool
}

func (p *program) costCommand() *cobra.Command {
	var flags costFlags
	command := &cobra.Command{
		Use:   "cost",
		Short: "Tell what the shop costs a month on Google Cloud, and by what formula",
		Long: `Tell what the shop costs a month on Google Cloud, line by line:
(quantity - what is free) x price. The quantities come from functions.yaml, from
Terraform's variables, and from what was measured of each function; prices are
Google's list prices as of the day that the first lines name. Check them.

It errs upwards: no two requests share an instance's time, nothing is cached. Not in
it: cold starts, traffic of attackers, discounts, taxes.`,
		Example: `  souk cost                                       what an idle shop costs
  souk cost --orders 3000 --reads 500000 --users 2000 --var-file terraform/env/prod.tfvars`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.cost(flags) },
	}
	command.Flags().Float64Var(&flags.usage.Orders, "orders", 0, "orders a month")
	command.Flags().Float64Var(&flags.usage.Reads, "reads", 0, "reads of the catalogue a month")
	command.Flags().Float64Var(&flags.usage.Users, "users", 0, "people a month who use their accounts")
	command.Flags().StringVar(&flags.values, "var-file", "", "values of Terraform's variables (default: their defaults)")
	command.Flags().StringVar(&flags.terraform, "terraform", "terraform", "folder of Terraform's files")
	command.Flags().StringVar(&flags.price, "prices", "", "prices, in the form of cmd/souk/internal/cost/prices.yaml (default: that file)")
	command.Flags().BoolVar(&flags.capacity, "capacity", false, "instead of costs, what gives first when the shop grows: docs/capacity.md")
	command.Flags().BoolVar(&flags.asJSON, "json", false, "for other programs")
	return command
}

func (p *program) cost(flags costFlags) error {
	prices, err := cost.StandardPrices()
	if flags.price != "" {
		var text []byte
		if text, err = os.ReadFile(flags.price); err == nil {
			prices, err = cost.ParsePrices(text)
		}
	}
	if err != nil {
		return err
	}
	settings, err := cost.ReadSettings(flags.terraform, flags.values)
	if err != nil {
		return err
	}
	shop, err := cost.NewShop(functions.Manifest(), settings)
	if err != nil {
		return err
	}
	if flags.capacity {
		return p.capacity(shop, flags.asJSON)
	}
	bill, err := cost.Estimate(shop, prices, flags.usage)
	if err != nil {
		return err
	}
	if settings.Region != prices.Region {
		p.say("The shop is in %s, the prices are those of %s.", settings.Region, prices.Region)
	}
	if flags.asJSON {
		return p.printJSON(bill)
	}
	_, err = fmt.Fprint(p.stdout, billText(bill))
	if err != nil {
		return fmt.Errorf("write the bill: %w", err)
	}
	return nil
}

// billText is the bill as people read it.
func billText(b *cost.Bill) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s orders, %s reads and %s users a month, in %s (%s), a Cloud Run service a %s\n",
		number(b.Usage.Orders), number(b.Usage.Reads), number(b.Usage.Users), b.Settings.Region, b.Settings.Environment, b.Settings.Granularity)
	fmt.Fprintf(&text, "USD, list prices of %s as known on %s, without tax: check them\n\n", b.PricesRegion, b.PricesRead)

	rows := [][]string{{"", "(quantity", "- free)", "x USD", "a", "= USD"}}
	for _, line := range b.Lines {
		rows = append(rows, []string{line.SKU, number(line.Quantity), number(line.Free), price(line.USD), line.Unit, fmt.Sprintf("%.2f", line.CostUSD)})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for i, row := range rows {
		fmt.Fprintf(&text, "%-*s  %*s  %*s  %*s  %-*s  %*s\n", widths[0], row[0], widths[1], row[1], widths[2], row[2], widths[3], row[3], widths[4], row[4], widths[5], row[5])
		if i > 0 {
			fmt.Fprintf(&text, "    %s\n", b.Lines[i-1].How)
		}
	}
	fmt.Fprintf(&text, "\nTotal: USD %.2f a month. Without any customer it is USD %.2f:\n", b.TotalUSD, b.IdleUSD)
	parts := slices.Collect(maps.Keys(b.Idle))
	slices.SortFunc(parts, func(one, other string) int { return cmp.Compare(b.Idle[other], b.Idle[one]) })
	for _, part := range parts {
		fmt.Fprintf(&text, "%10.2f  %s\n", b.Idle[part], part)
	}
	fmt.Fprintln(&text, "Functions that nobody calls cost nothing. What stands around them is there day and night.")
	return text.String()
}

// number is a quantity, in groups of three digits, with decimals where it is small.
func number(n float64) string {
	if n != 0 && n < 100 && n != float64(int64(n)) {
		return strconv.FormatFloat(n, 'f', 3, 64)
	}
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// price is a unit's, with all digits that it has.
func price(usd float64) string { return strconv.FormatFloat(usd, 'f', -1, 64) }
