package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"souk/emulators/hostcheck"
	"souk/emulators/transport"
	"souk/shared/clock"
)

// Defaults of Options.
const (
	defaultPayments    = 100_000
	defaultKeys        = 300_000
	defaultAttempts    = 3
	defaultLate        = 10 * time.Second
	defaultSenders     = 16
	defaultMinBackoff  = time.Second
	defaultMaxBackoff  = time.Minute
	webhookDialTimeout = 5 * time.Second
)

// Lifetimes.
const (
	paymentLifetime       = 24 * time.Hour
	authorizationLifetime = 7 * 24 * time.Hour
	keyLifetime           = 24 * time.Hour
)

// Bounds of a payment.
const (
	// maxAmount bounds an amount in minor units: the sum of all payments fits in an int64.
	maxAmount  = 999_999_999_999
	maxRefunds = 100
)

// Options configures a provider. APIKey and WebhookSecret are required.
type Options struct {
	// APIKey is the bearer token of API requests.
	APIKey string
	// WebhookSecret is the key of the signatures of callbacks.
	WebhookSecret string
	// WebhookURL receives callbacks. Without one they wait: see SetWebhookURL.
	WebhookURL string
	// URL is the address of the provider, for links to the payment page. Start sets it.
	URL string
	// Dir stores the journal. Empty: the state is in memory only.
	Dir string
	// Hosts are allowed host names in addition to those of this machine.
	Hosts hostcheck.Hosts

	// MaxPayments and MaxKeys bound the stored payments and idempotency keys; more are
	// refused. 0: 100,000 and 300,000.
	MaxPayments, MaxKeys int
	// MaxAttempts is how many declined cards make a payment declined. 0: 3.
	MaxAttempts int
	// Late is how long a late capture is processing. 0: 10 s.
	Late time.Duration
	// MinBackoff and MaxBackoff bound the time until a failed callback is sent again, which
	// doubles. 0: 1 s and 1 min.
	MinBackoff, MaxBackoff time.Duration
	// Faults are injected at the start.
	Faults []Fault

	// Clock returns the current time; nil: the system's.
	Clock clock.Clock
	// Wait waits for the delay of a fault; nil: by the system's time.
	Wait func(ctx context.Context, delay time.Duration) error
	// Transport sends callbacks; nil: over the network.
	Transport http.RoundTripper
	// Logger never receives card numbers. nil: no logs.
	Logger *slog.Logger
}

// complete checks the options and sets the defaults.
func (o *Options) complete() error {
	if o.APIKey == "" || o.WebhookSecret == "" {
		return errors.New("payment provider: APIKey and WebhookSecret are required")
	}
	if o.WebhookURL != "" {
		if err := checkWebhookURL(o.WebhookURL); err != nil {
			return err
		}
	}
	o.MaxPayments = cmp.Or(o.MaxPayments, defaultPayments)
	o.MaxKeys = cmp.Or(o.MaxKeys, defaultKeys)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, defaultAttempts)
	o.Late = cmp.Or(o.Late, defaultLate)
	o.MinBackoff = cmp.Or(o.MinBackoff, defaultMinBackoff)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, defaultMaxBackoff)
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Transport == nil {
		o.Transport = transport.New(webhookDialTimeout)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func checkWebhookURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("payment provider: the webhook URL %q is not an absolute URL with http or https", text)
	}
	return nil
}

// wait waits for a duration, or until ctx is done.
func wait(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
