// Package stripe is the adapter of Stripe (https://docs.stripe.com/api), by its library stripe-go.
// It is a package of its own so that only programs that use it contain the library.
//
// A payment is a PaymentIntent for cards, which the customer completes on the shop's page with
// Stripe.js and the client secret. The reference is in its metadata.
//
//	requires_payment_method, requires_confirmation   Requested
//	requires_action                                  RequiresAction, with the URL of a redirect
//	processing                                       Processing
//	requires_capture                                 Authorized
//	succeeded                                        Captured, PartiallyRefunded, Refunded, Disputed
//	canceled                                         Voided, Expired or Declined, by its reason
//
// Stripe compares all parameters of requests with one key. For 24 hours after a change of the
// parameters here, requests that are repeated with a key from before are refused (Conflict).
//
// Stripe does not count changes, so that payments have no Version. A callback is a
// notification: see charge.go for what Get reads besides the PaymentIntent.
package stripe

import (
	"context"
	"net/http"

	stripego "github.com/stripe/stripe-go/v85"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/money"
)

// Name is the name of the provider.
const Name = "stripe"

const (
	// maxBody bounds responses in bytes: a page of 100 payments with their charges.
	maxBody = 8 << 20
	// referenceKey is the key of the reference in the metadata.
	referenceKey = "reference"
	methodCard   = "card"
)

// Options configures an adapter. APIKey and WebhookSecrets are required.
type Options struct {
	APIKey config.Secret
	// WebhookSecrets are the signing secrets of the webhook endpoint: several while they are
	// rotated.
	WebhookSecrets []config.Secret
	// URL is the address of the API; empty: Stripe's.
	URL string
	// Transport sends requests; nil: over the network.
	Transport http.RoundTripper
}

// Provider is the adapter.
type Provider struct {
	api     api
	secrets []config.Secret
}

// New returns a new adapter.
func New(options Options) (*Provider, error) {
	if err := provider.CheckSecrets(options.APIKey, options.WebhookSecrets); err != nil {
		return nil, err
	}
	backend := &stripego.BackendConfig{
		HTTPClient:        provider.NewClient(options.Transport, maxBody),
		MaxNetworkRetries: stripego.Int64(0), // The caller repeats requests.
		EnableTelemetry:   new(false),
		// The library would log parts of responses, with client secrets, and not to slog.
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull},
	}
	if options.URL != "" {
		backend.URL = stripego.String(options.URL)
	}
	return &Provider{
		api:     api{backend: stripego.GetBackendWithConfig(stripego.APIBackend, backend), key: options.APIKey},
		secrets: options.WebhookSecrets,
	}, nil
}

// Name returns the name of the provider.
func (p *Provider) Name() string { return Name }

// Create creates a PaymentIntent.
func (p *Provider) Create(ctx context.Context, in provider.Creation) (provider.Payment, error) {
	if err := in.Validate(); err != nil {
		return provider.Payment{}, err
	}
	amount, err := toStripe(provider.OperationCreate, in.Amount)
	if err != nil {
		return provider.Payment{}, err
	}
	intent, err := p.api.createIntent(ctx, &stripego.PaymentIntentCreateParams{
		Params:             stripego.Params{IdempotencyKey: &in.Key},
		Amount:             &amount,
		Currency:           stripego.String(currencyCode(in.Amount)),
		CaptureMethod:      stripego.String(string(in.Capture)),
		PaymentMethodTypes: []*string{stripego.String(methodCard)},
		Metadata:           map[string]string{referenceKey: in.Reference},
		Expand:             expand("latest_charge"),
	})
	return p.payment(ctx, provider.OperationCreate, intent, err)
}

// Get returns the current state of a payment.
func (p *Provider) Get(ctx context.Context, id string) (provider.Payment, error) {
	if err := provider.ValidateID(provider.OperationGet, id); err != nil {
		return provider.Payment{}, err
	}
	intent, err := p.api.retrieveIntent(ctx, id, &stripego.PaymentIntentRetrieveParams{Expand: expand("latest_charge")})
	return p.payment(ctx, provider.OperationGet, intent, err)
}

// Capture captures an amount of an authorized payment.
func (p *Provider) Capture(ctx context.Context, id string, amount money.Money, key string) (provider.Payment, error) {
	if err := provider.ValidateWrite(provider.OperationCapture, id, amount, key); err != nil {
		return provider.Payment{}, err
	}
	units, err := toStripe(provider.OperationCapture, amount)
	if err != nil {
		return provider.Payment{}, err
	}
	intent, err := p.api.captureIntent(ctx, id, &stripego.PaymentIntentCaptureParams{
		Params: stripego.Params{IdempotencyKey: &key}, AmountToCapture: &units, Expand: expand("latest_charge"),
	})
	return p.payment(ctx, provider.OperationCapture, intent, err)
}

// Void cancels a PaymentIntent.
func (p *Provider) Void(ctx context.Context, id, key string) (provider.Payment, error) {
	if err := provider.ValidateVoid(id, key); err != nil {
		return provider.Payment{}, err
	}
	intent, err := p.api.cancelIntent(ctx, id, &stripego.PaymentIntentCancelParams{
		Params: stripego.Params{IdempotencyKey: &key}, Expand: expand("latest_charge"),
	})
	return p.payment(ctx, provider.OperationVoid, intent, err)
}

// Refund returns a part of the captured amount.
func (p *Provider) Refund(ctx context.Context, id string, amount money.Money, key string) (provider.Refund, error) {
	if err := provider.ValidateWrite(provider.OperationRefund, id, amount, key); err != nil {
		return provider.Refund{}, err
	}
	units, err := toStripe(provider.OperationRefund, amount)
	if err != nil {
		return provider.Refund{}, err
	}
	refund, err := p.api.createRefund(ctx, &stripego.RefundCreateParams{
		Params: stripego.Params{IdempotencyKey: &key}, PaymentIntent: &id, Amount: &units,
		Expand: expand("payment_intent", "payment_intent.latest_charge"),
	})
	if err != nil {
		return provider.Refund{}, p.failed(provider.OperationRefund, err)
	}
	payment, err := p.payment(ctx, provider.OperationRefund, refund.PaymentIntent, nil)
	return provider.Refund{ID: refund.ID, Payment: payment}, err
}

// List returns a page of payments, the newest first.
func (p *Provider) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	limit, err := query.Limit()
	if err != nil {
		return provider.Page{}, err
	}
	params := &stripego.PaymentIntentListParams{
		ListParams: stripego.ListParams{Limit: new(int64(limit))},
		Expand:     expand("data.latest_charge"),
	}
	if !query.Since.IsZero() {
		params.CreatedRange = &stripego.RangeQueryParams{GreaterThanOrEqual: query.Since.Unix()}
	}
	if query.PageToken != "" {
		if err := provider.ValidateID(provider.OperationList, query.PageToken); err != nil {
			return provider.Page{}, err
		}
		params.StartingAfter = &query.PageToken
	}
	list, err := p.api.listIntents(ctx, params)
	if err != nil {
		return provider.Page{}, p.failed(provider.OperationList, err)
	}
	page := provider.Page{Items: make([]provider.Payment, 0, len(list.Data))}
	for _, intent := range list.Data {
		payment, err := p.payment(ctx, provider.OperationList, intent, nil)
		switch {
		case err == nil:
			page.Items = append(page.Items, payment)
		case isForeign(intent):
			continue // Its currency or status need not be one that the shop uses.
		default:
			return provider.Page{}, err
		}
	}
	if n := len(list.Data); n > 0 && list.HasMore {
		page.NextPageToken = list.Data[n-1].ID
	}
	return page, nil
}

// isForeign reports whether another system, which uses the same account at Stripe, has created a payment.
func isForeign(intent *stripego.PaymentIntent) bool { return intent.Metadata[referenceKey] == "" }

// expand returns the names of the objects that a response contains instead of their ids.
func expand(names ...string) []*string { return stripego.StringSlice(names) }
