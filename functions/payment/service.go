// Package payment provides the functions of the payment service, which lets customers pay for
// orders by a payment provider.
//
// The service stores first what it wants of a payment: that it is created, captured, given back or
// partly refunded. It then brings the payment there by requests to the provider, one after the
// other, and reads its state: see drive. What the provider reports, in responses and in callbacks,
// is applied in one place: see observe.
package payment

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"souk/functions/payment/invoice"
	"souk/functions/payment/migrations"
	"souk/functions/payment/provider"
	"souk/functions/payment/provider/local"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/maildelivery"
)

// Migrations create the service's tables.
var Migrations = migrations.All

// Adapter creates the adapter of a provider.
type Adapter func(settings Settings, secrets Secrets) (provider.Provider, error)

// Functions returns the functions of the service with the local provider.
var Functions = New(map[string]Adapter{local.Name: Local})

// localURL is where souk payment listens.
const localURL = "http://127.0.0.1:8095"

// Local returns the adapter of the provider on one machine.
func Local(settings Settings, secrets Secrets) (provider.Provider, error) {
	return local.New(local.Options{URL: cmp.Or(settings.ProviderURL, localURL), APIKey: secrets.APIKey, WebhookSecrets: secrets.WebhookSecrets()})
}

// users lists the functions that use the provider.
var users = []string{
	"payment-request", "payment-webhook", "payment-capture", "payment-void", "payment-get", "payment-reconcile", "refund-create", "return-refund",
}

// New returns a function that builds the functions of the service, with one of the providers.
func New(adapters map[string]Adapter) function.FunctionsFunc {
	return func(runtime *function.Runtime) ([]function.Function, error) {
		s, err := newService(runtime, adapters)
		if err != nil {
			return nil, err
		}
		return s.functions(), nil
	}
}

func newService(runtime *function.Runtime, adapters map[string]Adapter) (*service, error) {
	settings, err := config.Load[Settings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	if err := settings.validate(); err != nil {
		return nil, err
	}
	s := &service{Runtime: runtime, settings: settings}
	if err := s.loadInvoices(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(users, runtime.Serves) {
		return s, nil
	}
	secrets, err := config.Load[Secrets](runtime.Environment)
	if err != nil {
		return nil, err
	}
	newAdapter, found := adapters[settings.Provider]
	if !found {
		return nil, fmt.Errorf("PAYMENT_PROVIDER is %q, which this program does not have", settings.Provider)
	}
	if s.provider, err = newAdapter(settings, secrets); err != nil {
		return nil, fmt.Errorf("payment provider %s: %w", settings.Provider, err)
	}
	return s, nil
}

type service struct {
	*function.Runtime

	settings Settings
	provider provider.Provider
	// interrupt ends a drive at a point, in tests; nil: never.
	interrupt func(point) error

	seller invoice.Seller      // for invoice-issue
	mailer maildelivery.Mailer // for invoice-mail
}

// adapter returns the adapter of a payment's provider.
func (s *service) adapter(name string) (provider.Provider, error) {
	if s.provider == nil || s.provider.Name() != name {
		return nil, &provider.Error{
			Class: provider.ClassTemporary, Operation: "configure", Detail: "the provider " + name + " is not configured",
		}
	}
	return s.provider, nil
}

// point is a point in a drive at which a process may be interrupted.
type point string

const (
	pointBegun     point = "begun"     // the claim is committed, and the request not sent
	pointRequested point = "requested" // the provider has responded, and the outcome is not recorded
	pointRecorded  point = "recorded"  // the outcome is committed
)

func (s *service) reached(p point) error {
	if s.interrupt == nil {
		return nil
	}
	return s.interrupt(p)
}

// functions returns the functions of the service, by their names in functions.yaml.
func (s *service) functions() []function.Function {
	return []function.Function{
		function.EventWithoutTx("payment-request", s.request),
		function.HTTP("payment-get", s.get, function.DocumentNotFound("payment")),
		function.HTTP("payment-webhook", s.webhook, webhookBody, function.DocumentNotFound("provider"),
			function.DocumentErrors(http.StatusUnauthorized, codeInvalidSignature)),
		function.EventWithoutTx("payment-capture", s.capture),
		function.EventWithoutTx("payment-void", s.void),
		function.Command("refund-create", s.refundCreate, function.Created, function.AfterCommit(s.driveRefund), function.DocumentNotFound("payment"),
			function.DocumentErrors(http.StatusConflict, "payment_not_refundable", "refund_exceeds_payment", "nothing_to_refund", "currency_differs",
				"order_without_quote", "line_not_ordered", "quantity_not_refundable")),
		function.EventWithoutTx("return-refund", s.returnRefund),
		function.Schedule("payment-reconcile", s.reconcile),
		function.EventBatch("payment-match", s.match),
		function.Event("invoice-draft", s.invoiceDraft),
		function.EventBatch("invoice-issue", s.invoiceIssue),
		function.EventBatch("credit-note-issue", s.creditNoteIssue),
		function.EventWithoutTx("invoice-mail", maildelivery.New(s.Runtime, "invoice-mail", &s.mailer, maildelivery.OneByOne(s.invoiceMail)).Deliver),
		function.HTTP("invoice-list", s.invoiceList, function.DocumentNotFound("order")),
		function.HTTP("invoice-get", s.invoiceGet, invoiceContent, function.DocumentNotFound("invoice")),
		function.HTTP("payment-trail", s.trail),
		function.Event("payment-adopt", s.adopt),
		function.Event("payment-anonymize", s.anonymize),
		function.Event("payment-revocations", s.StoreAccessChange),
		function.Schedule("payment-outbox", s.Sweep(s.pruneCallbacks, s.pruneMail, s.pruneOrderCopies, s.pruneDeletedCustomers, s.pruneSources, s.anonymizeGuests)),
	}
}
