package functiontest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"souk/shared/api"
	"souk/shared/event"
)

// Contract is what a system says of itself, to hold it to: its OpenAPI document
// and the schemas of its events. It is read once, when it is first needed.
type Contract struct {
	read func() (*contract, error)
}

type contract struct {
	document *openapi3.T
	routes   *http.ServeMux
	// operations are those of the document, by their patterns in routes.
	operations map[string]*routers.Route
	problem    *openapi3.Schema
	events     map[string]*jsonschema.Schema
}

func init() {
	// One line of JSON after another is a text to OpenAPI 3.1.
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.PlainBodyDecoder)
}

// NewContract returns the contract of an OpenAPI document and a file system with
// events/TOPIC.schema.json.
func NewContract(document []byte, events fs.FS) *Contract {
	return &Contract{sync.OnceValues(func() (*contract, error) {
		c := &contract{routes: http.NewServeMux(), operations: map[string]*routers.Route{}, events: map[string]*jsonschema.Schema{}}
		return c, errors.Join(c.readDocument(document), c.readEvents(events))
	})}
}

func (c *contract) readDocument(text []byte) error {
	var err error
	if c.document, err = openapi3.NewLoader().LoadFromData(text); err != nil {
		return fmt.Errorf("read the OpenAPI document: %w", err)
	}
	problem := c.document.Components.Schemas["Problem"]
	if problem == nil {
		return errors.New("read the OpenAPI document: it has no schema Problem")
	}
	c.problem = problem.Value
	for path, item := range c.document.Paths.Map() {
		for method, operation := range item.Operations() {
			pattern := method + " " + path
			c.routes.Handle(pattern, http.NotFoundHandler())
			c.operations[pattern] = &routers.Route{Spec: c.document, Path: path, PathItem: item, Method: method, Operation: operation}
		}
	}
	return nil
}

func (c *contract) readEvents(events fs.FS) error {
	names, err := fs.Glob(events, "events/*.schema.json")
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, name := range names {
		text, err := fs.ReadFile(events, name)
		if err != nil {
			return err
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		closeObjects(schema)
		if err := compiler.AddResource(name, schema); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		topic := strings.TrimSuffix(strings.TrimPrefix(name, "events/"), ".schema.json")
		if c.events[topic], err = compiler.Compile(name); err != nil {
			return fmt.Errorf("compile %s: %w", name, err)
		}
	}
	return nil
}

// closeObjects makes a schema refuse members that it does not name: consumers
// leave those alone, but a publisher that sends one has not said so.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if _, named := s["properties"]; named && s["type"] == "object" && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
		for _, part := range s {
			closeObjects(part)
		}
	case []any:
		for _, part := range s {
			closeObjects(part)
		}
	}
}

// CheckResponse says how an answer is not what the document says: in its status,
// code, headers or body. An answer to a request that reaches no operation of the
// document only has to be a problem, if it says that it is one.
func (c *Contract) CheckResponse(method, path string, answer Response) error {
	contract, err := c.read()
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, path, http.NoBody) //nolint:noctx // it is not sent
	if err != nil {
		return nil //nolint:nilerr // such a path reaches nothing
	}
	_, pattern := contract.routes.Handler(r)
	route := contract.operations[pattern]
	if route == nil {
		return contract.checkProblem(answer)
	}
	if route.Operation.Responses.Status(answer.Status) == nil {
		return fmt.Errorf("%s answered %d, which openapi.yaml does not say: add function.Fails(%[2]d, %s) to it and run `make generate`",
			route.Operation.OperationID, answer.Status, codeOf(answer))
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route},
		Status:                 answer.Status, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(answer.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	if err != nil {
		return fmt.Errorf("%s answered %d, code %s, but not as openapi.yaml says: %w", route.Operation.OperationID, answer.Status, codeOf(answer), err)
	}
	return nil
}

func (c *contract) checkProblem(answer Response) error {
	if answer.Header.Get("Content-Type") != api.ProblemType || len(answer.Body) == 0 {
		return nil
	}
	var problem any
	if err := json.Unmarshal(answer.Body, &problem); err != nil {
		return fmt.Errorf("read the problem %s: %w", answer.Body, err)
	}
	return c.problem.VisitJSON(problem, openapi3.EnableJSONSchema2020())
}

func codeOf(answer Response) string {
	var problem struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(answer.Body, &problem); err != nil || problem.Code == "" {
		return "none"
	}
	return fmt.Sprintf("%q", problem.Code)
}

// CheckEvent says how a published event is not what the schema of its topic says.
func (c *Contract) CheckEvent(e event.Event) error {
	contract, err := c.read()
	if err != nil {
		return err
	}
	schema := contract.events[e.Type]
	if schema == nil {
		return fmt.Errorf("event %s has no schema: add it to Payloads of its service and run `make generate`", e.Type)
	}
	payload, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Payload))
	if err != nil {
		return fmt.Errorf("read the payload of %s %s: %w", e.Type, e.ID, err)
	}
	if err := schema.Validate(payload); err != nil {
		return fmt.Errorf("%s %s is not what its schema says: %w", e.Type, e.ID, err)
	}
	return nil
}

// Check fails the test if an answer is not what the contract says.
func (c *Contract) Check(t testing.TB, request Request, answer Response) {
	t.Helper()
	path, _, _ := strings.Cut(request.Path, "?")
	if err := c.CheckResponse(request.Method, path, answer); err != nil {
		t.Errorf("%s %s: %v", request.Method, request.Path, err)
	}
}

// mustHold fails the test if a published event is not what the contract says.
func (c *Contract) mustHold(t testing.TB, published []event.Event) {
	t.Helper()
	for _, e := range published {
		if err := c.CheckEvent(e); err != nil {
			t.Error(err)
		}
	}
}
