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
		Short: "Estimate the monthly cost on Google Cloud",
		Long: `Estimate the monthly cost of the shop on Google Cloud, line by line:
(quantity - free tier) x price. Quantities come from functions.yaml, from Terraform's
variables and from measurements of each function. Prices are Google's list prices as
of the date in the first lines. Check them.

The estimate is an upper bound: no two requests share an instance's time, and nothing
is cached. It excludes cold starts, traffic of attackers, discounts and taxes.

With payments (Terraform's variable payments) the fees of the payment provider are printed
below the total, by the assumptions of --order-value, --fee-percent and --fee-fixed.`,
		Example: `  souk cost                                       what an idle shop costs
  souk cost --orders 3000 --reads 500000 --users 2000 --var-file terraform/env/prod.tfvars`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.cost(flags) },
	}
	command.Flags().Float64Var(&flags.usage.Orders, "orders", 0, "orders a month")
	command.Flags().Float64Var(&flags.usage.Reads, "reads", 0, "reads of the catalogue a month")
	command.Flags().Float64Var(&flags.usage.Users, "users", 0, "active users a month")
	fees := &flags.usage.Fees
	*fees = cost.DefaultFees
	command.Flags().Float64Var(&fees.OrderUSD, "order-value", fees.OrderUSD, "average total of an order in USD, for the payment provider's fees")
	command.Flags().Float64Var(&fees.Percent, "fee-percent", fees.Percent, "percentage of each payment that the payment provider charges")
	command.Flags().Float64Var(&fees.FixedUSD, "fee-fixed", fees.FixedUSD, "what the payment provider charges for each payment in USD")
	command.Flags().StringVar(&flags.values, "var-file", "", "file with values of Terraform's variables (default: their defaults)")
	command.Flags().StringVar(&flags.terraform, "terraform", "terraform", "folder of Terraform's files")
	command.Flags().StringVar(&flags.price, "prices", "", "prices, in the form of cmd/souk/internal/cost/prices.yaml (default: that file)")
	command.Flags().BoolVar(&flags.capacity, "capacity", false, "print instead the first limit that growth reaches: docs/capacity.md")
	command.Flags().BoolVar(&flags.asJSON, "json", false, "print JSON")
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
	if fees := b.Provider; fees != nil {
		fmt.Fprintf(&text, "\nPayment provider, not in the total: %s payments x (%s %% of USD %.2f + USD %.2f) = USD %.2f a month.\n",
			number(fees.Payments), price(fees.Percent), fees.OrderUSD, fees.FixedUSD, fees.CostUSD)
		fmt.Fprintln(&text, "These are assumptions: --order-value, --fee-percent and --fee-fixed. The provider's price list has yours.")
	}
	fmt.Fprintln(&text, "Functions without calls cost nothing. The resources around them run day and night.")
	fmt.Fprintf(&text, "\nAn order takes %.1f ms of CPU in all functions together, as measured on %s.\n", b.Measured.OrderCPUMs, b.Measured.On)
	if b.Earlier != nil {
		fmt.Fprintf(&text, "On %s it took %.1f ms, with which the total is USD %.2f.\n", b.Earlier.On, b.Earlier.OrderCPUMs, b.Earlier.TotalUSD)
	}
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
