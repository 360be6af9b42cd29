package function

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"souk/shared/api"
	"souk/shared/telemetry"
)

// schemaName returns a name for the schema of a type that is unique in a process. It is not
// published: the OpenAPI document uses the names of openapi.schemaNames.
func schemaName(t reflect.Type, _ string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}

// NewAPI returns a new huma API without routes: it decodes JSON by jsonFormat, does not serve
// its own documents, and name returns the names of its schemas.
func NewAPI(name func(t reflect.Type, hint string) string) huma.API {
	config := huma.DefaultConfig("Souk", "1")
	// The gateway serves the documents. Here they would be routes that are not in
	// functions.yaml, and the hook would add a link to them to every response.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.Formats = map[string]huma.Format{mediaJSON: jsonFormat, "json": jsonFormat}
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", name)
	return huma.NewAPI(config, humago.NewAdapter(http.NewServeMux(), ""))
}

// operationCapture is a huma API that captures what huma registers for one operation: the
// completed operation and its handler. The layer routing of chain calls the handler.
type operationCapture struct {
	huma.API
	operation *huma.Operation
	handler   http.Handler
}

// Adapter implements huma.API.
func (c *operationCapture) Adapter() huma.Adapter { return humago.NewAdapter(c, "") }

// DocumentOperation implements huma.OperationDocumenter.
func (c *operationCapture) DocumentOperation(operation *huma.Operation) {
	c.operation = operation
}

// HandleFunc implements humago.Mux.
func (c *operationCapture) HandleFunc(_ string, handler func(http.ResponseWriter, *http.Request)) {
	c.handler = http.HandlerFunc(handler)
}

// ServeHTTP implements humago.Mux. It is not called.
func (c *operationCapture) ServeHTTP(w http.ResponseWriter, hr *http.Request) { http.NotFound(w, hr) }

func init() {
	// By default huma accepts members whose names differ in letter case, and encoding/json
	// uses the last one of a name.
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

// jsonFormat decodes bodies that checkRequest has checked, by exact member names.
var jsonFormat = huma.Format{
	Marshal: api.EncodeJSON,
	Unmarshal: func(data []byte, target any) error {
		if err := json.Unmarshal(data, target); err != nil {
			return errors.New(undecodable)
		}
		return nil
	},
}
