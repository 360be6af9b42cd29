// Package local is the adapter of the payment provider on one machine (emulators/payment), whose
// package comment describes the API.
package local

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"souk/functions/payment/provider"
	"souk/shared/api"
	"souk/shared/config"
	"souk/shared/money"
)

// Name is the name of the provider.
const Name = "local"

// maxBody bounds responses in bytes: a page of 100 payments with 100 refunds each.
const maxBody = 4 << 20

// Options configures an adapter. URL and APIKey are required.
type Options struct {
	// URL is the address of the provider.
	URL    string
	APIKey config.Secret
	// WebhookSecrets are the keys of callbacks: several while they are rotated. An adapter without
	// any refuses all callbacks.
	WebhookSecrets []config.Secret
	// Transport sends requests; nil: over the network.
	Transport http.RoundTripper
}

// Provider is the adapter.
type Provider struct {
	url     string
	key     config.Secret
	secrets []config.Secret
	client  *http.Client
}

// New returns a new adapter.
func New(options Options) (*Provider, error) {
	u, err := url.Parse(options.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the URL of the payment provider must be absolute, with http or https, without user name and query")
	}
	if err := checkSecrets(options); err != nil {
		return nil, err
	}
	return &Provider{
		url: strings.TrimSuffix(options.URL, "/"), key: options.APIKey, secrets: options.WebhookSecrets,
		client: provider.NewClient(options.Transport, maxBody),
	}, nil
}

// checkSecrets returns an error unless there is an API key, and no webhook secret is empty.
func checkSecrets(options Options) error {
	if len(options.WebhookSecrets) > 0 || options.APIKey.Reveal() == "" {
		return provider.CheckSecrets(options.APIKey, options.WebhookSecrets)
	}
	return nil
}

// Name returns the name of the provider.
func (p *Provider) Name() string { return Name }

// Create creates a payment.
func (p *Provider) Create(ctx context.Context, in provider.Creation) (provider.Payment, error) {
	if err := in.Validate(); err != nil {
		return provider.Payment{}, err
	}
	return p.payment(ctx, request{
		operation: provider.OperationCreate, method: http.MethodPost, path: "/v1/payments", key: in.Key,
		body: createBody{
			Amount: in.Amount.Amount, Currency: in.Amount.Currency, Reference: in.Reference,
			ReturnURL: in.ReturnURL, Capture: string(in.Capture),
		},
	})
}

// Get returns the current state of a payment.
func (p *Provider) Get(ctx context.Context, id string) (provider.Payment, error) {
	if err := provider.ValidateID(provider.OperationGet, id); err != nil {
		return provider.Payment{}, err
	}
	return p.payment(ctx, request{operation: provider.OperationGet, method: http.MethodGet, path: "/v1/payments/" + id})
}

// Capture captures an amount of an authorized payment.
func (p *Provider) Capture(ctx context.Context, id string, amount money.Money, key string) (provider.Payment, error) {
	if err := provider.ValidateWrite(provider.OperationCapture, id, amount, key); err != nil {
		return provider.Payment{}, err
	}
	return p.payment(ctx, request{
		operation: provider.OperationCapture, method: http.MethodPost, path: "/v1/payments/" + id + "/capture",
		key: key, body: amountBody{amount.Amount},
	})
}

// Void cancels a payment that is not captured.
func (p *Provider) Void(ctx context.Context, id, key string) (provider.Payment, error) {
	if err := provider.ValidateVoid(id, key); err != nil {
		return provider.Payment{}, err
	}
	return p.payment(ctx, request{
		operation: provider.OperationVoid, method: http.MethodPost, path: "/v1/payments/" + id + "/void", key: key,
	})
}

// Refund returns a part of the captured amount.
func (p *Provider) Refund(ctx context.Context, id string, amount money.Money, key string) (provider.Refund, error) {
	if err := provider.ValidateWrite(provider.OperationRefund, id, amount, key); err != nil {
		return provider.Refund{}, err
	}
	var out payment
	err := p.do(ctx, request{
		operation: provider.OperationRefund, method: http.MethodPost, path: "/v1/payments/" + id + "/refunds",
		key: key, body: amountBody{amount.Amount},
	}, &out)
	if err != nil {
		return provider.Refund{}, err
	}
	// The response of a request, also if it is repeated, ends with the refund of that request.
	if len(out.Refunds) == 0 {
		return provider.Refund{}, provider.BadResponse(provider.OperationRefund, "the payment has no refund")
	}
	return provider.Refund{ID: out.Refunds[len(out.Refunds)-1].ID, Payment: out.convert()}, nil
}

// List returns a page of payments in order of creation.
func (p *Provider) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	limit, err := query.Limit()
	if err != nil {
		return provider.Page{}, err
	}
	values := url.Values{"pageSize": {strconv.Itoa(limit)}}
	if !query.Since.IsZero() {
		values.Set("since", query.Since.UTC().Format(time.RFC3339Nano))
	}
	if query.PageToken != "" {
		values.Set("pageToken", query.PageToken)
	}
	var out api.Page[payment]
	err = p.do(ctx, request{operation: provider.OperationList, method: http.MethodGet, path: "/v1/payments?" + values.Encode()}, &out)
	if err != nil {
		return provider.Page{}, err
	}
	page := provider.Page{NextPageToken: out.NextPageToken, Items: make([]provider.Payment, 0, len(out.Items))}
	for _, item := range out.Items {
		if err := item.check(provider.OperationList); err != nil {
			return provider.Page{}, err
		}
		page.Items = append(page.Items, item.convert())
	}
	return page, nil
}
