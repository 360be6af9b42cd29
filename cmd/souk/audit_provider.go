package main

import (
	"context"
	"fmt"

	"souk/cmd/souk/internal/audit"
	"souk/functions/payment/provider/local"
	"souk/shared/config"
)

const (
	// providerVariable and providerURLVariable have the name of the payment provider and the
	// address of its API, as for the payment service.
	providerVariable    = "PAYMENT_PROVIDER"
	providerURLVariable = "PAYMENT_PROVIDER_URL"
)

// auditedProvider returns the payment provider of the databases to audit: that of the running
// system if they are its own, or the one of the environment. Without one it returns the reason.
func (p *program) auditedProvider(ctx context.Context, flags map[string]*string, cloudSQL bool) (audit.PaymentLister, string, error) {
	url, key := p.getenv(providerURLVariable), p.getenv(paymentKeyVariable)
	_, missing := p.givenDatabases(flags)
	if running := !cloudSQL && len(missing) > 0; running {
		status, err := p.status(ctx)
		if err != nil {
			return nil, "", err
		}
		url, key = status.Payments.URL, status.Payments.APIKey
	} else if name := p.getenv(providerVariable); name != "" && name != local.Name {
		return nil, fmt.Sprintf("this program cannot read the list of the provider %s", name), nil
	}
	if url == "" || key == "" {
		return nil, fmt.Sprintf("%s and %s are not set", providerURLVariable, paymentKeyVariable), nil
	}
	adapter, err := local.New(local.Options{URL: url, APIKey: config.NewSecret(key)})
	if err != nil {
		return nil, "", p.usageError("%s: %v", providerURLVariable, err)
	}
	return adapter, "", nil
}
