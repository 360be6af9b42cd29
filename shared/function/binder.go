package function

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

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
	b := &binder{runtime: runtime, delivery: delivery, names: &schemaNames{taken: map[string]reflect.Type{}}}
	b.api = huma.NewAPI(humaSettings(b.names), humago.NewAdapter(b, ""))
	return b
}

// humaSettings returns the settings of huma's API.
func humaSettings(names *schemaNames) huma.Config {
	settings := huma.DefaultConfig("Souk", "1")
	// The gateway serves the documents. Here they would be routes that nobody
	// listed, and the hook would put a link to them into every answer.
	settings.OpenAPIPath, settings.DocsPath, settings.SchemasPath = "", "", ""
	settings.CreateHooks = nil
	settings.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	settings.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", names.of)
	return settings
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
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, faults ...error) huma.StatusError {
		p := requestProblem(status, message, faults)
		// huma has no word of its own for a body that http.MaxBytesReader cut off.
		if long, cut := errors.AsType[*http.MaxBytesError](errors.Join(faults...)); cut {
			p = api.BodyTooLarge(long.Limit)
		}
		if p.Status == http.StatusBadRequest {
			p.Errors = append(p.Errors, unknownQuery(ctx.Context())...)
		}
		return p.WithTrace(telemetry.TraceID(ctx.Context()))
	}
	huma.NewError = func(status int, message string, faults ...error) huma.StatusError {
		return requestProblem(status, message, faults)
	}
}

// requestProblem says in the shop's way what huma found wrong with a request. It
// leaves out the submitted values, which huma would echo: one may be a password.
func requestProblem(status int, message string, faults []error) *api.Problem {
	if status >= http.StatusInternalServerError {
		return api.Internal()
	}
	code := api.CodeInvalid
	switch status {
	case http.StatusUnprocessableEntity:
		// Here 422 is for an idempotency key used twice, and for nothing else.
		status, message = http.StatusBadRequest, "The request breaks a rule: see errors."
	case http.StatusUnsupportedMediaType:
		code = "unsupported_media_type"
	case http.StatusRequestTimeout:
		code = "request_timeout"
	}
	p := api.NewProblem(status, code, "%s", sentence(message))
	for _, fault := range faults {
		var detail huma.ErrorDetailer
		if errors.As(fault, &detail) {
			d := detail.ErrorDetail()
			p.Errors = append(p.Errors, api.FieldError{Location: d.Location, Code: fieldCode(d.Message), Message: withoutValue(d.Message)})
			continue
		}
		p.Errors = append(p.Errors, api.FieldError{Location: "body", Code: api.FieldSyntax, Message: "not readable as JSON"})
	}
	return p
}

func invalid(faults []api.FieldError) *api.Problem {
	p := api.NewProblem(http.StatusBadRequest, api.CodeInvalid, "The request breaks a rule: see errors.")
	p.Errors = faults
	return p
}

// withoutValue hides the messages of encoding/json that quote a submitted value
// and name our types: "json: cannot unmarshal number 1e999 into Go value of ...".
func withoutValue(message string) string {
	if strings.HasPrefix(message, "json: ") {
		return "a value does not fit its type"
	}
	return message
}

func sentence(message string) string {
	if message == "" {
		return ""
	}
	return strings.ToUpper(message[:1]) + strings.TrimSuffix(message[1:], ".") + "."
}

// answering makes every error of a handler one that the client may see.
func answering[I, O any](handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, input *I) (*O, error) {
		if unknown := unknownQuery(ctx); unknown != nil {
			return nil, invalid(unknown).WithTrace(telemetry.TraceID(ctx))
		}
		output, err := handler(ctx, input)
		if err != nil {
			return nil, failure.Problem(ctx, err).WithTrace(telemetry.TraceID(ctx))
		}
		return output, nil
	}
}

// fieldCode returns the code of a message of huma's validation.
func fieldCode(message string) string {
	switch {
	case strings.Contains(message, "required"):
		return api.FieldRequired
	case strings.Contains(message, "unexpected property"):
		return api.FieldUnknown
	default:
		return api.FieldFormat
	}
}
