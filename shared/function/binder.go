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
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// binder creates the handlers of a process's functions.
type binder struct {
	runtime  *Runtime
	delivery manifest.Delivery
	api      huma.API
}

func newBinder(runtime *Runtime) *binder {
	return &binder{runtime: runtime, delivery: runtime.options.List.Delivery, api: NewAPI(schemaName)}
}

// schemaName returns a name for the schema of a type that is unique in a process. It is not
// published: package openapi has other names.
func schemaName(t reflect.Type, _ string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}

// NewAPI returns a new huma API with the conventions of the shop and without routes, in
// which name returns the names of schemas.
func NewAPI(name func(t reflect.Type, hint string) string) huma.API {
	settings := huma.DefaultConfig("Souk", "1")
	// The gateway serves the documents. Here they would be routes that are not in
	// functions.yaml, and the hook would add a link to them to every response.
	settings.OpenAPIPath, settings.DocsPath, settings.SchemasPath = "", "", ""
	settings.CreateHooks = nil
	settings.Formats = map[string]huma.Format{mediaJSON: jsonFormat, "json": jsonFormat}
	settings.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", name)
	return huma.NewAPI(settings, humago.NewAdapter(http.NewServeMux(), ""))
}

// registration is a huma API for one operation. It receives what huma registers: the
// completed operation and the handler, which requests reach through the function's route.
type registration struct {
	huma.API
	operation *huma.Operation
	handler   http.Handler
}

// Adapter implements huma.API.
func (r *registration) Adapter() huma.Adapter { return humago.NewAdapter(r, "") }

// DocumentOperation implements huma.OperationDocumenter.
func (r *registration) DocumentOperation(operation *huma.Operation) {
	r.operation = operation
}

// HandleFunc implements humago.Mux.
func (r *registration) HandleFunc(_ string, handler func(http.ResponseWriter, *http.Request)) {
	r.handler = http.HandlerFunc(handler)
}

// ServeHTTP implements humago.Mux. It is not called.
func (r *registration) ServeHTTP(w http.ResponseWriter, hr *http.Request) { http.NotFound(w, hr) }

func init() {
	// By default huma accepts a member in another case, and encoding/json uses the last
	// of two.
	huma.ValidateStrictCasing = true
	// No array of the API is null, neither in requests nor in responses.
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := requestProblem(ctx, status, message, errs)
		// huma does not recognize the error of http.MaxBytesReader.
		if tooLong, ok := errors.AsType[*http.MaxBytesError](errors.Join(errs...)); ok {
			p = api.BodyTooLarge(tooLong.Limit)
		}
		return p.WithTrace(telemetry.TraceID(ctx.Context()))
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return requestProblem(nil, status, message, errs)
	}
}

// requestProblem returns the problem of a request that huma refuses. It omits the values,
// which huma would include: one may be a password.
func requestProblem(ctx huma.Context, status int, message string, errs []error) *api.Problem {
	switch {
	case status >= http.StatusInternalServerError:
		return api.Internal()
	case status == http.StatusUnsupportedMediaType:
		return api.NewProblem(status, api.CodeMediaType, "%s", sentence(message))
	case status == http.StatusRequestTimeout:
		return api.NewProblem(status, "request_timeout", "%s", sentence(message))
	case status != http.StatusBadRequest && status != http.StatusUnprocessableEntity:
		return api.NewProblem(status, api.CodeInvalid, "%s", sentence(message))
	}
	// In this API 422 is only for an idempotency key that was used with another request.
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

// undecodable is the message for a value that passes validation and cannot be decoded into
// its Go type. The cause is omitted: it quotes values and Go types.
const undecodable = "a value does not fit its type"

// jsonFormat decodes bodies that checkRequest has checked, by exact member names.
var jsonFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, target any) error {
		if err := json.Unmarshal(data, target); err != nil {
			return errors.New(undecodable)
		}
		return nil
	},
}

// withProblems converts every error of a handler to a problem that clients may receive.
func withProblems[I, O any](handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
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
