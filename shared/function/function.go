// Package function turns an operation of the shop into a function that
// functions-framework-go serves: it checks who calls, decodes, validates, logs,
// answers errors, and stops without dropping a request.
package function

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/event"
	"souk/shared/manifest"
)

// Function is one operation, by the name it has in functions.yaml.
type Function struct {
	Name string
	// handler is the code of the function, for what tells about it.
	handler any
	// Payload is what a function that Pub/Sub calls reads of its events, nil for
	// all other functions.
	Payload reflect.Type
	// bind makes the handler of the function's requests, without the checks that
	// every function has.
	bind func(entry manifest.Function, b *binder) (http.Handler, error)
}

// Pattern returns the route, a pattern of http.ServeMux, on which a process
// serves a function: its own for a function that clients call, POST /NAME for
// one that Pub/Sub calls.
func Pattern(entry manifest.Function) string {
	if entry.HTTP != "" {
		return entry.HTTP
	}
	return http.MethodPost + " /" + entry.Name
}

// HTTP returns a function that clients call. Its input and output are huma's:
// path, query and header fields by tag, and a Body. What breaks the input's rules
// is answered before the handler runs, and what the handler returns as an error
// is answered as the *api.Problem it is, or else as a 500 without a cause.
//
// One that takes an Idempotency-Key is a Command.
func HTTP[I, O any](name string, handler func(context.Context, *I) (*O, error), options ...func(*huma.Operation)) Function {
	return Function{Name: name, handler: handler, bind: func(entry manifest.Function, b *binder) (http.Handler, error) {
		if entry.HTTP != "" && entry.IdempotencyRule() != manifest.NoKey {
			return nil, fmt.Errorf("%s: takes an Idempotency-Key: register it with function.Command", name)
		}
		operation, err := newOperation(b, entry, name, options)
		if err != nil {
			return nil, err
		}
		return registerOperation(b, entry, operation, handler), nil
	}}
}

// newOperation returns the operation of a function that clients call.
func newOperation(b *binder, entry manifest.Function, name string, options []func(*huma.Operation)) (huma.Operation, error) {
	if entry.HTTP == "" {
		return huma.Operation{}, fmt.Errorf("%s: is written for HTTP, but has no http in the list of functions", name)
	}
	operation := huma.Operation{
		OperationID: name,
		Method:      entry.Method(),
		Path:        entry.Path(),
		Middlewares: huma.Middlewares{b.checkRequest},
	}
	for _, option := range options {
		option(&operation)
	}
	operation.MaxBodyBytes = entry.BodyLimit() + 1 // not huma's to judge: it refuses a body of as many bytes
	return operation, nil
}

// registerOperation returns the handler of an operation's requests.
func registerOperation[I, O any](b *binder, entry manifest.Function, operation huma.Operation, handler func(context.Context, *I) (*O, error)) http.Handler {
	b.names.operation = operation.OperationID
	huma.Register(b.api, operation, answering(handler))
	acceptMergePatch(operationOf(b.api.OpenAPI(), entry))
	// A body that is kept to tell a request from another is read within the limit too.
	handled := b.idempotent(entry, limitBody(entry.BodyLimit(), b.captured))
	if operation.Metadata[unconditional] != nil {
		return handled
	}
	return api.Conditional(handled)
}

// unconditional marks an operation in its metadata.
const unconditional = "unconditional"

// Unconditional lets a DELETE or PATCH come without If-Match. It is for what has
// no version that the caller could have seen, such as a session.
func Unconditional(operation *huma.Operation) {
	note(operation, unconditional, true)
}

// note keeps what the layers around an operation must know of it.
func note(operation *huma.Operation, key string, value any) {
	if operation.Metadata == nil {
		operation.Metadata = map[string]any{}
	}
	operation.Metadata[key] = value
}

// limitBody holds to the limit also a function that reads the body by itself.
func limitBody(limit int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
		}
		next.ServeHTTP(w, r)
	})
}

// Created makes 201 the status of an HTTP function that succeeds.
func Created(operation *huma.Operation) { operation.DefaultStatus = http.StatusCreated }

// Schedule returns a function that the scheduler calls, through Pub/Sub, at the
// times that functions.yaml gives. It may be called twice for one time.
func Schedule(name string, handler func(context.Context) error) Function {
	return Function{Name: name, bind: func(entry manifest.Function, b *binder) (http.Handler, error) {
		if entry.Schedule == "" {
			return nil, fmt.Errorf("%s: is written for a schedule, but has none in the list of functions", name)
		}
		return b.push(event.Push.Tick, func(ctx context.Context, _ event.Event) error { return handler(ctx) }), nil
	}}
}
