package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/synthetic"
	"souk/shared/telemetry"
)

func (p *program) syntheticOrderCommand() *cobra.Command {
	var c synthetic.Config
	orders := 1
	command := &cobra.Command{
		Use:   "synthetic-order",
		Short: "Place and cancel an order as a test customer",
		Long: `Sign in as a test customer, read a product, place an order, wait until it is confirmed,
and cancel it. The exit status is 1 if a step fails. The Cloud Run job synthetic-order
runs this command every five minutes and during rollouts: docs/operations.md.

Without flags it reads SHOP_URL, SYNTHETIC_EMAIL, SYNTHETIC_PASSWORD and
SYNTHETIC_PRODUCT. The password has no flag: arguments are visible to other processes.`,
		Example: "  SYNTHETIC_PASSWORD=… souk synthetic-order --url http://localhost:8080 --email test@example.com --product 0199c0de-…",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c.Password = p.getenv("SYNTHETIC_PASSWORD")
			missing := map[string]string{"--url": c.URL, "--email": c.Email, "--product": c.ProductID, "SYNTHETIC_PASSWORD": c.Password}
			maps.DeleteFunc(missing, func(_, value string) bool { return value != "" })
			if len(missing) > 0 {
				return p.usageError("missing: %s", strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
			}
			if orders < 1 {
				return p.usageError("--orders is %d, want at least 1", orders)
			}
			return p.syntheticOrders(command.Context(), c, orders)
		},
	}
	flags := command.Flags()
	flags.StringVar(&c.URL, "url", p.getenv("SHOP_URL"), "address of the shop")
	flags.StringVar(&c.Email, "email", p.getenv("SYNTHETIC_EMAIL"), "e-mail address of the test customer")
	flags.StringVar(&c.ProductID, "product", p.getenv("SYNTHETIC_PRODUCT"), "id of a product that is in stock")
	flags.IntVar(&orders, "orders", orders, "number of orders, one after the other")
	flags.DurationVar(&c.MaxWait, "max-wait", 30*time.Second, "how long an order may take to be confirmed")
	flags.DurationVar(&c.Poll, "poll", 250*time.Millisecond, "time between two reads of an order")
	return command
}

// syntheticOrders places orders one after the other, up to the first that fails. Each is
// a log entry that terraform/synthetic.tf counts.
func (p *program) syntheticOrders(ctx context.Context, c synthetic.Config, orders int) (err error) {
	logger := telemetry.NewLogger(p.stdout)
	defer func() {
		if err != nil {
			logger.ErrorContext(ctx, "the synthetic order ended", "outcome", "failed", "error", err)
		}
	}()
	session, err := synthetic.SignIn(ctx, &http.Client{}, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.SignOut(ctx)) }()
	for range orders {
		outcome, err := session.Order(ctx)
		if err != nil {
			return err
		}
		logger.InfoContext(ctx, "the synthetic order ended", "outcome", "succeeded", "order", outcome.OrderID,
			"placedSeconds", outcome.Placed.Seconds(), "confirmedSeconds", outcome.Confirmed.Seconds())
	}
	return nil
}
