// Package function adapts the operations of the shop to functions-framework-go: it
// authorizes, decodes and validates requests, maps errors to responses, logs, and shuts down
// without dropping requests.
package function

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/event"
	"souk/shared/manifest"
)

// Function is one operation, with its name in functions.yaml.
type Function struct {
	Name    string
	handler any // see Handler
	// Payload is the type of the payload of an event function, nil for other functions.
	Payload reflect.Type
	// newEndpoint returns the endpoint of the function, without the layers of chain.
	newEndpoint func(entry manifest.Function, d *endpointDeps) (endpoint, error)
}

// Handler returns the Go handler that was registered, whose comment documents the function.
func (f Function) Handler() any { return f.handler }

// Pattern returns the route of a function, a pattern of http.ServeMux: that of its entry for
// a function that clients call, POST /NAME for one that Pub/Sub calls.
func Pattern(entry manifest.Function) string {
	if entry.HTTP != "" {
		return entry.HTTP
	}
	return http.MethodPost + " /" + entry.Name
}

// HTTP returns a function that clients call. Its input and output are those of huma: fields
// for path, query and headers by tag, and a Body. Invalid input is refused before the handler
// runs. An error of the handler becomes the response if it is an *api.Problem, else a 500
// that does not reveal the cause.
//
// Functions that accept an Idempotency-Key use Command instead.
func HTTP[I, O any](name string, handler func(context.Context, *I) (*O, error), options ...func(*huma.Operation)) Function {
	return Function{Name: name, handler: handler, newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		if entry.HTTP != "" && entry.IdempotencyRule() != manifest.NoKey {
			return endpoint{}, fmt.Errorf("%s: accepts an Idempotency-Key: register it with function.Command", name)
		}
		operation, err := newOperation(d, entry, name, options)
		if err != nil {
			return endpoint{}, err
		}
		return registerOperation(d, entry, operation, handler), nil
	}}
}

// newOperation returns the operation of a function that clients call.
func newOperation(d *endpointDeps, entry manifest.Function, name string, options []func(*huma.Operation)) (huma.Operation, error) {
	if entry.HTTP == "" {
		return huma.Operation{}, fmt.Errorf("%s: is an HTTP function, but has no http in functions.yaml", name)
	}
	operation := huma.Operation{
		OperationID: name,
		Method:      entry.Method(),
		Path:        entry.Path(),
		Middlewares: huma.Middlewares{d.checkRequest},
	}
	for _, option := range options {
		option(&operation)
	}
	operation.MaxBodyBytes = entry.BodyLimit() + 1 // withBodyLimit enforces the limit; huma would refuse a body of exactly that size
	return operation, nil
}

// registerOperation registers an operation with huma and returns its endpoint.
func registerOperation[I, O any](d *endpointDeps, entry manifest.Function, operation huma.Operation, handler func(context.Context, *I) (*O, error)) endpoint {
	capture := &operationCapture{API: d.api}
	huma.Register(capture, operation, withProblems(handler))
	acceptMergePatch(capture.operation)
	return endpoint{entry: entry, operation: capture.operation, handler: capture.handler}
}

// Schedule returns a function that the scheduler calls, through Pub/Sub, at the times in
// functions.yaml. It may be called twice for one time.
func Schedule(name string, handler func(context.Context) error) Function {
	return Function{Name: name, newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		if entry.Schedule == "" {
			return endpoint{}, fmt.Errorf("%s: is a scheduled function, but has no schedule in functions.yaml", name)
		}
		tick := func(ctx context.Context, _ event.Event) error { return handler(ctx) }
		return endpoint{entry: entry, handler: d.push(event.Push.Tick, tick)}, nil
	}}
}
