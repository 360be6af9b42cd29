package stripe

import (
	"context"
	"net/http"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/form"

	"souk/shared/config"
)

const (
	intentsPath  = "/v1/payment_intents"
	refundsPath  = "/v1/refunds"
	disputesPath = "/v1/disputes"
)

// api sends the requests of this package by the library's backend, with its parameters and
// objects. The library's Client sends the same, but refers to every operation of Stripe: a program
// with it is 6 MB larger.
type api struct {
	backend stripego.Backend
	key     config.Secret
}

// createIntent sends POST /v1/payment_intents.
func (a api) createIntent(ctx context.Context, params *stripego.PaymentIntentCreateParams) (*stripego.PaymentIntent, error) {
	params.Context = ctx
	return call(a, http.MethodPost, intentsPath, params, &stripego.PaymentIntent{})
}

// retrieveIntent sends GET /v1/payment_intents/ID.
func (a api) retrieveIntent(ctx context.Context, id string, params *stripego.PaymentIntentRetrieveParams) (*stripego.PaymentIntent, error) {
	params.Context = ctx
	return call(a, http.MethodGet, intentPath(id), params, &stripego.PaymentIntent{})
}

// captureIntent sends POST /v1/payment_intents/ID/capture.
func (a api) captureIntent(ctx context.Context, id string, params *stripego.PaymentIntentCaptureParams) (*stripego.PaymentIntent, error) {
	params.Context = ctx
	return call(a, http.MethodPost, intentPath(id)+"/capture", params, &stripego.PaymentIntent{})
}

// cancelIntent sends POST /v1/payment_intents/ID/cancel.
func (a api) cancelIntent(ctx context.Context, id string, params *stripego.PaymentIntentCancelParams) (*stripego.PaymentIntent, error) {
	params.Context = ctx
	return call(a, http.MethodPost, intentPath(id)+"/cancel", params, &stripego.PaymentIntent{})
}

// createRefund sends POST /v1/refunds.
func (a api) createRefund(ctx context.Context, params *stripego.RefundCreateParams) (*stripego.Refund, error) {
	params.Context = ctx
	return call(a, http.MethodPost, refundsPath, params, &stripego.Refund{})
}

// listIntents sends GET /v1/payment_intents and returns one page.
func (a api) listIntents(ctx context.Context, params *stripego.PaymentIntentListParams) (*stripego.PaymentIntentList, error) {
	params.Context = ctx
	return list(a, intentsPath, params, &stripego.PaymentIntentList{})
}

// listDisputes sends GET /v1/disputes and returns one page.
func (a api) listDisputes(ctx context.Context, params *stripego.DisputeListParams) (*stripego.DisputeList, error) {
	params.Context = ctx
	return list(a, disputesPath, params, &stripego.DisputeList{})
}

// call sends a request and returns the object of the response.
func call[T stripego.LastResponseSetter](a api, method, path string, params stripego.ParamsContainer, object T) (T, error) {
	return object, a.backend.Call(method, path, a.key.Reveal(), params, object)
}

// list sends a request for a page. Backend.Call accepts no parameters of lists.
func list[T stripego.LastResponseSetter](a api, path string, params stripego.ListParamsContainer, page T) (T, error) {
	var values form.Values
	form.AppendTo(&values, params)
	err := a.backend.CallRaw(http.MethodGet, path, a.key.Reveal(), []byte(values.Encode()), params.GetListParams().GetParams(), page)
	return page, err
}

// intentPath returns the path of a PaymentIntent.
func intentPath(id string) string { return stripego.FormatURLPath(intentsPath+"/%s", id) }
