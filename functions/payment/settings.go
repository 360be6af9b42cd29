package payment

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/config"
)

// Settings are the environment variables that only this service uses.
type Settings struct {
	// Provider is the name of the provider of new payments: local or stripe.
	Provider string `env:"PAYMENT_PROVIDER" envDefault:"local"`
	// ProviderURL is the address of the provider's API. The defaults are that of souk payment,
	// and Stripe's.
	ProviderURL string `env:"PAYMENT_PROVIDER_URL"`
	// Capture is when an amount is captured: at the shipment of the order, or at once.
	Capture CaptureTime `env:"PAYMENT_CAPTURE" envDefault:"shipment"`
	// ReturnURL is the page of the shop to which the provider's page leads after the payment.
	// The parameter order is added to it.
	ReturnURL string `env:"PAYMENT_RETURN_URL" envDefault:"http://localhost:8080/"`
	// MaxDeclines is how many declined cards end a payment. MaxDeclinesPerCustomer is how many
	// within an hour end the payments of a customer (an account, or a guest's e-mail address), and
	// MaxDeclinesPerNetwork those of a network: the payment of the last of them, and those that
	// follow. So the shop is of no use for testing stolen cards.
	MaxDeclines            int `env:"PAYMENT_MAX_DECLINES" envDefault:"10"`
	MaxDeclinesPerCustomer int `env:"PAYMENT_MAX_DECLINES_PER_CUSTOMER" envDefault:"20"`
	MaxDeclinesPerNetwork  int `env:"PAYMENT_MAX_DECLINES_PER_NETWORK" envDefault:"100"`
	// GuestRetention is how long after an order of a guest its personal data is stored, besides
	// that on invoices. The order service has the same setting.
	GuestRetention time.Duration `env:"GUEST_RETENTION" envDefault:"26280h"`
	// RequestTimeout bounds one request to the provider. A request excludes others about the same
	// payment for twice as long: a process that was killed delays a payment by that.
	RequestTimeout time.Duration `env:"PAYMENT_REQUEST_TIMEOUT" envDefault:"20s"`
}

// minGuestRetention is the minimum of GuestRetention: longer than the tokens in mails to guests are
// valid, which is 90 days.
const minGuestRetention = 100 * 24 * time.Hour

// maxRequestTimeout is the longest PAYMENT_REQUEST_TIMEOUT: a delivery takes 30 seconds at most.
const maxRequestTimeout = 20 * time.Second

// claimTimeout returns how long a request to the provider excludes others about the same payment,
// after which its process is assumed to have died. An outcome that is recorded later is ignored.
func (s Settings) claimTimeout() time.Duration { return 2 * s.RequestTimeout }

// Secrets are the secrets of the functions that use the provider. WebhookSecret may have several
// secrets, separated by commas, while they are rotated.
type Secrets struct {
	APIKey        config.Secret `env:"PAYMENT_API_KEY"`
	WebhookSecret config.Secret `env:"PAYMENT_WEBHOOK_SECRET"`
}

// WebhookSecrets returns the secrets of callbacks.
func (s Secrets) WebhookSecrets() (secrets []config.Secret) {
	for secret := range strings.SplitSeq(s.WebhookSecret.Reveal(), ",") {
		secrets = append(secrets, config.NewSecret(strings.TrimSpace(secret)))
	}
	return secrets
}

// CaptureTime is when an authorized amount is captured.
type CaptureTime string

// The values of PAYMENT_CAPTURE.
const (
	CaptureAtShipment CaptureTime = "shipment"
	CaptureAtOnce     CaptureTime = "at_once"
)

// mode returns the provider's capture mode of new payments.
func (t CaptureTime) mode() provider.CaptureMode {
	if t == CaptureAtOnce {
		return provider.Automatic
	}
	return provider.Manual
}

func (s Settings) validate() error {
	var errs []error
	if s.Capture != CaptureAtShipment && s.Capture != CaptureAtOnce {
		errs = append(errs, fmt.Errorf("PAYMENT_CAPTURE is %q: must be %s or %s", s.Capture, CaptureAtShipment, CaptureAtOnce))
	}
	if u, err := url.Parse(s.ReturnURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		errs = append(errs, errors.New("PAYMENT_RETURN_URL must be an absolute URL with http or https, without a user name"))
	}
	if s.MaxDeclines < 1 || s.MaxDeclinesPerCustomer < 1 || s.MaxDeclinesPerNetwork < 1 {
		errs = append(errs, errors.New("PAYMENT_MAX_DECLINES, PAYMENT_MAX_DECLINES_PER_CUSTOMER and PAYMENT_MAX_DECLINES_PER_NETWORK must be 1 or more"))
	}
	if s.GuestRetention < minGuestRetention {
		errs = append(errs, fmt.Errorf("GUEST_RETENTION is %s: must be at least %s", s.GuestRetention, minGuestRetention))
	}
	if s.RequestTimeout < time.Second || s.RequestTimeout > maxRequestTimeout {
		errs = append(errs, fmt.Errorf("PAYMENT_REQUEST_TIMEOUT is %s: must be 1s to %s", s.RequestTimeout, maxRequestTimeout))
	}
	return errors.Join(errs...)
}

// returnURL returns the page to which the customer returns after paying for an order.
func (s Settings) returnURL(orderID uuid.UUID) string {
	u, err := url.Parse(s.ReturnURL)
	if err != nil { // validate has accepted it
		return s.ReturnURL
	}
	query := u.Query()
	query.Set("order", orderID.String())
	u.RawQuery = query.Encode()
	return u.String()
}
