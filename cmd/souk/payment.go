package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/payment"
)

const (
	// paymentKeyVariable and paymentSecretVariable have the secrets of the payment provider.
	paymentKeyVariable    = "PAYMENT_API_KEY"
	paymentSecretVariable = "PAYMENT_WEBHOOK_SECRET" //nolint:gosec // G101: a name
	// paymentPageVariable has the URL of the provider for browsers.
	paymentPageVariable = "SOUK_PAYMENT_URL"
	// paymentStopTimeout bounds the wait for requests and callbacks at the end.
	paymentStopTimeout = 10 * time.Second
)

// paymentsVariable and its values, also those of --payments, are whether new orders must be paid.
const (
	paymentsVariable = "PAYMENTS"
	paymentsOn       = "on"
	paymentsOff      = "off"
)

func (p *program) paymentCommand() *cobra.Command {
	var options payment.Options
	address, allowedHosts := "", ""
	command := &cobra.Command{
		Use:   "payment",
		Short: "Serve a payment provider for tests",
		Long: `Run a card payment provider that moves no money: an HTTP API, a payment page with test
cards, and signed callbacks. The environment variables ` + paymentKeyVariable + ` and
` + paymentSecretVariable + ` have the API key and the secret of the signatures.

    POST /control/faults    {"operation": "capture", "kind": "timeout_after"}`,
		Example: "  souk payment --webhook http://127.0.0.1:3000/webhook --dir .souk/payment",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			hosts, err := p.allowedHosts(allowedHosts)
			if err != nil {
				return err
			}
			options.Hosts, options.Logger = hosts, p.logger()
			options.APIKey, options.WebhookSecret = p.getenv(paymentKeyVariable), p.getenv(paymentSecretVariable)
			if options.APIKey == "" || options.WebhookSecret == "" {
				return p.usageError("set %s and %s", paymentKeyVariable, paymentSecretVariable)
			}
			return p.payment(command.Context(), address, options)
		},
	}
	command.Flags().StringVar(&address, "http", "127.0.0.1:8095", "host:port of the API and the page")
	command.Flags().StringVar(&options.URL, "url", "", "URL of the provider in links to the page (default: of --http)")
	command.Flags().StringVar(&options.WebhookURL, "webhook", "", "URL that receives callbacks")
	command.Flags().StringVar(&options.Dir, "dir", "", "folder of the journal; without it, payments are in memory only")
	allowedHostsFlag(command, &allowedHosts)
	return command
}

// payment runs until ctx ends.
func (p *program) payment(ctx context.Context, address string, options payment.Options) error {
	server, err := payment.Start(ctx, address, options)
	if err != nil {
		return err
	}
	p.say("payments at %s", server.URL())
	failure := server.Wait(ctx)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), paymentStopTimeout)
	defer cancel()
	return errors.Join(failure, server.Shutdown(stop))
}
