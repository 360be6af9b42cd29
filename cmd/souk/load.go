//go:build !container

package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/load"
	"souk/emulators/local"
)

func (p *program) loadCommand() *cobra.Command {
	var options load.Options
	asJSON := false
	command := &cobra.Command{
		Use:   "load browse|checkout|flash-sale",
		Short: "Put load on the running system, and check that its stock adds up",
		Long: `Put load on the running system as its customers do, and check afterwards that the
stock that was sold is that of the confirmed orders.

  browse      lists products and reads one
  checkout    reads products, orders one, and reads the order until it is decided
  flash-sale  orders one product, of which there is little

--users visit one after the other (a closed loop). With --rate visits are due at that
rate, whether or not earlier ones have ended (an open loop), and --users bounds those
at the same time. Latency is measured from when a request was due.

It creates products and accounts of its own, and archives the products. Ctrl-C ends it
early. The exit status is 1 if the stock does not add up: units are sold that are in no
confirmed order, or the other way round; a stock was negative; an order was lost.`,
		Example: `  souk load flash-sale --users 50 --duration 10s
  souk load browse --rate 200 --duration 30s
  souk load checkout --json | jq .latencyMs`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: scenarioNames(),
		RunE: func(command *cobra.Command, args []string) error {
			options.Scenario = load.Scenario(args[0])
			for _, name := range []string{"users", "duration", "stock"} { // zero selects the default below
				if flag := command.Flags().Lookup(name); flag.Changed && strings.Trim(flag.Value.String(), "0s") == "" {
					return p.usageError("--%s must be greater than 0", name)
				}
			}
			if err := options.Check(); err != nil {
				return p.usageError("%w", err)
			}
			return p.load(command.Context(), options, asJSON)
		},
	}
	p.stateDirFlag(command)
	flags := command.Flags()
	flags.IntVar(&options.Users, "users", 10, fmt.Sprintf("users at the same time, up to %d", load.MaxUsers))
	flags.Float64Var(&options.Rate, "rate", 0, fmt.Sprintf("visits a second, %g to %d; 0: as many as the users manage", load.MinRate, load.MaxRate))
	flags.DurationVar(&options.Duration, "duration", 10*time.Second, "how long, up to 10m")
	flags.Int64Var(&options.Stock, "stock", 0, "stock of each product (default 200 for flash-sale, 100000 for checkout)")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func scenarioNames() []string {
	var names []string
	for _, scenario := range load.Scenarios() {
		names = append(names, string(scenario))
	}
	return names
}

func (p *program) load(ctx context.Context, options load.Options, asJSON bool) error {
	client, err := local.Connect(p.stateDir)
	if err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	options.Target = load.Target{
		Gateway: status.Gateway, Email: status.Admin.Email, Password: status.Admin.Password, Customers: client.Customers,
	}
	options.Progress = p.loadProgress
	result, err := load.Run(ctx, options)
	if err != nil {
		return err
	}
	printResult := p.printLoad
	if asJSON {
		printResult = func(r load.Result) error { return p.printJSON(r) }
	}
	if err := printResult(result); err != nil {
		return err
	}
	if !result.AddsUp() {
		return exitCode(exitFailed)
	}
	return nil
}

// loadProgress prints one line of progress.
func (p *program) loadProgress(s load.Snapshot) {
	line := fmt.Sprintf("%3.0f of %.0f s  %6.0f requests/s  p50 %.0f ms  p99 %.0f ms",
		s.ElapsedSeconds, s.DurationSeconds, s.RequestsPerSecond, s.Latency.P50, s.Latency.P99)
	if s.Orders.Placed > 0 {
		line += fmt.Sprintf("  %d confirmed  %d rejected  %d in stock", s.Orders.Confirmed, s.Orders.Rejected, s.Stock.Remaining)
	}
	if s.ErrorsPerSecond > 0 {
		line += p.red(fmt.Sprintf("  %.0f errors/s", s.ErrorsPerSecond))
	}
	p.say("  %s", line)
}

func (p *program) printLoad(r load.Result) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "operation\tcount\tfailed\ta second\tp50 ms\tp95 ms\tp99 ms\tmax ms\t\n")
	for _, o := range r.Operations {
		fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n",
			o.Name, o.Count, o.Failed, o.PerSecond, o.Latency.P50, o.Latency.P95, o.Latency.P99, o.Latency.Max)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if r.Orders.Placed > 0 {
		fmt.Fprintf(p.stdout, "orders: %d placed, %d confirmed (%.1f a second), %d rejected\n",
			r.Orders.Placed, r.Orders.Confirmed, r.ConfirmedPerSecond, r.Orders.Rejected)
		fmt.Fprintf(p.stdout, "stock: %d at first, %d left, %d sold, %d in confirmed orders\n",
			r.Stock.Initial, r.Stock.Remaining, r.Stock.Sold(), r.Stock.Confirmed)
	}
	for failure, count := range r.Failures {
		fmt.Fprintf(p.stdout, "failed: %d × %s\n", count, failure)
	}
	if r.Unsent > 0 {
		fmt.Fprintf(p.stdout, "not sent: %d visits were due and did not start\n", r.Unsent)
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(p.stdout, "problem: %s\n", problem)
	}
	outcome := p.green("the stock adds up")
	if !r.AddsUp() {
		outcome = p.red("the stock does not add up")
	}
	p.say("%s. In the system remain: %s.", outcome, strings.Join(r.Remains, ", "))
	return nil
}
