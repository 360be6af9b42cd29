package stripe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"souk/functions/payment/provider"
	"souk/functions/payment/provider/providertest"
	"souk/shared/money"
)

// stub is stripe-mock, which validates requests by Stripe's OpenAPI document and has no state.
var stub = sync.OnceValues(func() (*server.StubServer, error) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	text, err := trim(embedded.OpenAPISpec)
	if err != nil {
		return nil, err
	}
	document, err := server.LoadSpec(text, "")
	if err != nil {
		return nil, err
	}
	return server.NewStubServer(fixtures, document, false, false)
})

// trim returns the OpenAPI document with the paths and schemas of this adapter only: loading all
// of them takes seconds.
func trim(text []byte) ([]byte, error) {
	var document struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
		Info  json.RawMessage            `json:"info"`
		Paths map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	maps.DeleteFunc(document.Paths, func(path string, _ json.RawMessage) bool {
		return !slices.ContainsFunc([]string{"/v1/payment_intents", "/v1/refunds", "/v1/disputes"}, func(prefix string) bool {
			return strings.HasPrefix(path, prefix)
		})
	})
	for name := range document.Components.Schemas {
		if !slices.Contains([]string{"payment_intent", "charge", "refund", "dispute", "error"}, name) {
			document.Components.Schemas[name] = json.RawMessage(`{"type": "object", "properties": {}}`)
		}
	}
	return json.Marshal(document)
}

// fake imitates Stripe's API in this process: it validates requests by stripe-mock, stores
// objects in the types of stripe-go, and stores responses by key, errors included.
type fake struct {
	stub *server.StubServer
	mux  *http.ServeMux

	// clock is the time of signatures.
	clock func() time.Time

	mu        sync.Mutex
	now       int64 // seconds
	intents   []*stripego.PaymentIntent
	disputes  []*stripego.Dispute
	keys      map[string]stored
	faults    map[string]providertest.Fault
	callbacks []providertest.Request
	sequence  int
}

// stored is the response to a request with a key.
type stored struct {
	request string
	status  int
	body    []byte
}

func mustFake(t *testing.T) *fake {
	t.Helper()
	mock, err := stub()
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		stub: mock, mux: http.NewServeMux(), clock: now, now: now().Unix(), keys: map[string]stored{}, faults: map[string]providertest.Fault{},
	}
	f.handle("POST /v1/payment_intents", f.create)
	f.handle("GET /v1/payment_intents", f.list)
	f.handle("GET /v1/payment_intents/{id}", f.retrieve)
	f.handle("POST /v1/payment_intents/{id}/capture", f.capture)
	f.handle("POST /v1/payment_intents/{id}/cancel", f.cancel)
	f.handle("POST /v1/refunds", f.refund)
	f.handle("GET /v1/disputes", f.listDisputes)
	return f
}

// operation returns the adapter's name of a request.
func operation(r *http.Request) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/capture"):
		return provider.OperationCapture
	case strings.HasSuffix(r.URL.Path, "/cancel"):
		return provider.OperationVoid
	case strings.HasSuffix(r.URL.Path, "/refunds"):
		return provider.OperationRefund
	case r.Method == http.MethodPost:
		return provider.OperationCreate
	case strings.HasSuffix(r.URL.Path, "/payment_intents"):
		return provider.OperationList
	default:
		return provider.OperationGet
	}
}

// RoundTrip serves a request.
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.faults[operation(r)]
	delete(f.faults, operation(r))
	if fault == providertest.TimeoutBefore {
		return nil, io.ErrUnexpectedEOF
	}
	status, text := f.serve(r, body, fault)
	if fault == providertest.TimeoutAfter {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Request-Id": {"req_test"}}, Body: io.NopCloser(bytes.NewReader(text)), Request: r,
	}, nil
}

// serve returns the response to a request: https://docs.stripe.com/api/idempotent_requests
func (f *fake) serve(r *http.Request, body []byte, fault providertest.Fault) (int, []byte) {
	served := func() *http.Request {
		request := r.Clone(r.Context())
		request.Body = io.NopCloser(bytes.NewReader(body))
		return request
	}
	validated := httptest.NewRecorder()
	if f.stub.HandleRequest(validated, served()); validated.Code != http.StatusOK {
		return validated.Code, validated.Body.Bytes()
	}
	key, request := r.Header.Get("Idempotency-Key"), r.URL.Path+"?"+string(body)
	if previous, found := f.keys[key]; found && r.Method == http.MethodPost {
		if previous.request != request {
			return render(nil, failure(http.StatusBadRequest, stripego.ErrorTypeIdempotency, "", "Keys can only be used with the same parameters."))
		}
		return previous.status, previous.body
	}
	if fault != providertest.ErrorBefore {
		response := httptest.NewRecorder()
		f.mux.ServeHTTP(response, served())
		if fault != providertest.ErrorAfter {
			f.keys[key] = stored{request, response.Code, response.Body.Bytes()}
			return response.Code, response.Body.Bytes()
		}
	}
	status, text := render(nil, failure(http.StatusInternalServerError, stripego.ErrorTypeAPI, "", "An error occurred with "+providertest.APIKey+"."))
	f.keys[key] = stored{request, status, text}
	return status, text
}

// handle adds a route.
func (f *fake) handle(pattern string, apply func(id string, form url.Values) (any, *stripego.Error)) {
	f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			panic(err)
		}
		value, failed := apply(r.PathValue("id"), r.Form)
		status, body := render(value, failed)
		if failed == nil {
			body = collapse(body, r.Form)
		}
		w.WriteHeader(status)
		if _, err := w.Write(body); err != nil {
			panic(err)
		}
	})
}

func failure(status int, kind stripego.ErrorType, code stripego.ErrorCode, message string) *stripego.Error {
	return &stripego.Error{HTTPStatusCode: status, Type: kind, Code: code, Msg: message}
}

// invalid returns the error of a request that the state does not allow.
func invalid(code stripego.ErrorCode) *stripego.Error {
	return failure(http.StatusBadRequest, stripego.ErrorTypeInvalidRequest, code, "The request is not possible.")
}

// render returns a response.
func render(value any, failed *stripego.Error) (status int, body []byte) {
	status = http.StatusOK
	if failed != nil {
		status, value = failed.HTTPStatusCode, map[string]any{"error": failed}
	}
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return status, body
}

// collapse replaces objects by their ids unless the request expands them.
func collapse(body []byte, form url.Values) []byte {
	expanded := map[string]bool{}
	for name, values := range form {
		if strings.HasPrefix(name, "expand[") {
			expanded[values[0]] = true
		}
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		panic(err)
	}
	_, body = render(collapsed(value, "", expanded), nil)
	return body
}

func collapsed(value any, path string, expanded map[string]bool) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = collapsed(v[i], path, expanded)
		}
	case map[string]any:
		for _, name := range []string{"latest_charge", "payment_intent", "data"} {
			inner := strings.TrimPrefix(path+"."+name, ".")
			if object, ok := v[name].(map[string]any); ok && !expanded[inner] {
				v[name] = object["id"]
			} else if v[name] != nil {
				v[name] = collapsed(v[name], inner, expanded)
			}
		}
	}
	return value
}

// id returns a new id with a prefix.
func (f *fake) id(prefix string) string {
	f.sequence++
	return fmt.Sprintf("%s_%024d", prefix, f.sequence)
}

// transport is a transport that is a function.
type transport func(*http.Request) (*http.Response, error)

// RoundTrip sends a request.
func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// eur returns an amount of EUR.
func eur(amount int64) money.Money { return money.Money{Amount: amount, Currency: "EUR"} }
