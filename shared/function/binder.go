package function

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"souk/shared/api"
	"souk/shared/failure"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// binder makes the handlers of one process's functions.
type binder struct {
	runtime  *Runtime
	delivery manifest.Delivery
	api      huma.API
	names    *schemaNames
	captured http.Handler // what huma made of the operation registered last
}

func newBinder(runtime *Runtime, delivery manifest.Delivery) *binder {
	b := &binder{runtime: runtime, delivery: delivery}
	settings := huma.DefaultConfig("Souk", "1")
	// The gateway serves the documents. Here they would be routes that nobody
	// listed, and the hook would put a link to them into every answer.
	settings.OpenAPIPath, settings.DocsPath, settings.SchemasPath = "", "", ""
	settings.CreateHooks = nil
	settings.Formats = map[string]huma.Format{mediaJSON: jsonFormat, "json": jsonFormat}
	b.names = &schemaNames{taken: map[string]reflect.Type{}}
	settings.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", b.names.of)
	b.api = huma.NewAPI(settings, humago.NewAdapter(b, ""))
	return b
}

// HandleFunc is where huma hands over the handler of an operation.
func (b *binder) HandleFunc(_ string, handler func(http.ResponseWriter, *http.Request)) {
	b.captured = http.HandlerFunc(handler)
}

// ServeHTTP makes binder a humago.Mux. Requests never come this way: they reach
// the captured handler through the function's own route.
func (b *binder) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// idempotent has the service's keys guard the function, if it takes one.
func (b *binder) idempotent(entry manifest.Function, next http.Handler) http.Handler {
	rule := entry.IdempotencyRule()
	if rule == manifest.NoKey {
		return next
	}
	return b.runtime.keys.Handler(idempotency.Operation{
		Name: entry.Name, Required: rule == manifest.KeyRequired, MaxBody: entry.BodyLimit(),
	}, next)
}

func init() {
	// huma would take a member in another case for the field, and encoding/json the
	// later of two.
	huma.ValidateStrictCasing = true
	// No array of the shop is null, neither in requests nor in responses.
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := requestProblem(ctx, status, message, errs)
		// huma has no word of its own for a body that http.MaxBytesReader cut off.
		if long, cut := errors.AsType[*http.MaxBytesError](errors.Join(errs...)); cut {
			p = api.BodyTooLarge(long.Limit)
		}
		return p.WithTrace(telemetry.TraceID(ctx.Context()))
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return requestProblem(nil, status, message, errs)
	}
}

// requestProblem returns the problem of a request that huma refuses. It leaves out
// the submitted values, which huma would echo: one may be a password.
func requestProblem(ctx huma.Context, status int, message string, errs []error) *api.Problem {
	switch {
	case status >= http.StatusInternalServerError:
		return api.Internal()
	case status == http.StatusUnsupportedMediaType:
		return api.NewProblem(status, codeMediaType, "%s", sentence(message))
	case status == http.StatusRequestTimeout:
		return api.NewProblem(status, "request_timeout", "%s", sentence(message))
	case status != http.StatusBadRequest && status != http.StatusUnprocessableEntity:
		return api.NewProblem(status, api.CodeInvalid, "%s", sentence(message))
	}
	// Here 422 is for an idempotency key used twice, and for nothing else.
	var fieldErrs []api.FieldError
	if ctx != nil {
		fieldErrs = inputErrors(ctx.Context())
	}
	if len(errs) == 0 {
		errs = []error{&huma.ErrorDetail{Location: "body", Message: message}}
	}
	for _, err := range errs {
		e := fieldError(ctx, err)
		known := func(other api.FieldError) bool { return other.Location == e.Location }
		if !slices.ContainsFunc(fieldErrs, known) {
			fieldErrs = append(fieldErrs, e)
		}
	}
	return invalid(fieldErrs)
}

// invalid returns the 400 for input with these errors.
func invalid(errs []api.FieldError) *api.Problem { return api.InvalidFields(errs) }

func sentence(message string) string {
	if message == "" {
		return ""
	}
	return strings.ToUpper(message[:1]) + strings.TrimSuffix(message[1:], ".") + "."
}

// undecodable is the message of a value that has passed validation and still is not
// one of its Go type. The cause is left out: it quotes values and Go types.
const undecodable = "a value does not fit its type"

// jsonFormat reads what checkRequest has checked, by exact member names.
var jsonFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, target any) error {
		if err := json.Unmarshal(data, target); err != nil {
			return errors.New(undecodable)
		}
		return nil
	},
}

// answering makes every error of a handler one that the client may see.
func answering[I, O any](handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, input *I) (*O, error) {
		if errs := inputErrors(ctx); len(errs) > 0 {
			return nil, invalid(errs).WithTrace(telemetry.TraceID(ctx))
		}
		output, err := handler(ctx, input)
		if err != nil {
			return nil, failure.Problem(ctx, err).WithTrace(telemetry.TraceID(ctx))
		}
		return output, nil
	}
}
