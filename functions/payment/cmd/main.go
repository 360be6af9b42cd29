// Command payment serves the functions of the payment service.
package main

import (
	"os"

	"souk/functions"
	"souk/functions/payment"
	"souk/functions/payment/provider"
	"souk/functions/payment/provider/local"
	"souk/functions/payment/provider/stripe"
	"souk/shared/function"
)

func main() {
	build := payment.New(map[string]payment.Adapter{local.Name: payment.Local, stripe.Name: newStripe})
	os.Exit(function.Main(functions.Manifest(), "payment", build))
}

func newStripe(settings payment.Settings, secrets payment.Secrets) (provider.Provider, error) {
	return stripe.New(stripe.Options{APIKey: secrets.APIKey, WebhookSecrets: secrets.WebhookSecrets(), URL: settings.ProviderURL})
}
