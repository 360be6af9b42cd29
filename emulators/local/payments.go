//go:build !container

package local

import (
	"context"
	"errors"
	"syscall"

	"souk/emulators/payment"
	"souk/shared/manifest"
)

const (
	// paymentPage is the preferred address of the payment provider.
	paymentPage = "127.0.0.1:8095"
	// paymentFolder has the provider's journal.
	paymentFolder = "payment"
	// webhookPath is the route of payment-webhook for the callbacks of the local provider.
	webhookPath = "/v1/payments/local/webhook"
)

// startPayments starts the payment provider. It runs without payments, too: orders that had to be
// paid before may have to be captured or refunded.
func (s *System) startPayments(ctx context.Context) (string, error) {
	if separate := s.options.PaymentProvider; separate.URL != "" {
		s.secrets.Others[paymentKey], s.secrets.Others[paymentWebhookSecret] = separate.APIKey, separate.WebhookSecret
		s.paymentURL = separate.URL
		return s.paymentURL + ", which runs separately", nil
	}
	options := payment.Options{
		APIKey: s.secrets.byName(paymentKey), WebhookSecret: s.secrets.byName(paymentWebhookSecret),
		WebhookURL: s.gatewayURL() + webhookPath, Dir: s.state.file(paymentFolder),
		Hosts: s.options.Hosts, Logger: s.log.With("part", "payment"),
	}
	address := ""
	if s.options.Port != 0 {
		address = paymentPage
	}
	server, err := payment.Start(ctx, address, options)
	if errors.Is(err, syscall.EADDRINUSE) { // by a second system or another program
		server, err = payment.Start(ctx, "", options)
	}
	if err != nil {
		return "", err
	}
	s.started("payments", server.Shutdown)
	s.paymentURL = server.URL()
	text := s.paymentURL
	if !s.options.Payments {
		text += ", for orders of before: new ones need no payment"
	}
	return text, nil
}

// paymentEnvironment returns the settings of payments of a function.
func (s *System) paymentEnvironment(f manifest.Function) []string {
	switch f.Service {
	case "order":
		return []string{"PAYMENTS=" + onOff(s.options.Payments)}
	case "payment":
		return []string{
			"PAYMENT_PROVIDER=local", "PAYMENT_PROVIDER_URL=" + s.paymentURL, "PAYMENT_RETURN_URL=" + s.gatewayURL() + "/",
		}
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
