package function

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/database"
	"souk/shared/failure"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// maxAcquire bounds how long a request without an idempotency key waits for a database
// connection. Requests with a key have the same bound: see idempotency.Request.
const maxAcquire = maxQueueWait

// CommandHandler is an operation that changes data. It reads and writes only through tx,
// which function.Command commits when it returns nil. It may run several times and must not use
// the network.
type CommandHandler[I, O any] func(ctx context.Context, tx *database.Tx, in *I) (*O, error)

// Command returns a function that clients call to change data, like HTTP. Command begins
// and commits the transaction. With an Idempotency-Key, the claim of the key and the response
// are part of it: the response is encoded before the commit and sent as it is stored.
func Command[I, O any](name string, handler func(ctx context.Context, tx *database.Tx, in *I) (*O, error), options ...func(*huma.Operation)) Function {
	return Function{Name: name, handler: handler, newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		operation, err := newOperation(d, entry, name, options)
		if err != nil {
			return endpoint{}, err
		}
		c := &command[I, O]{db: d.runtime.DB, handler: handler}
		if c.after, err = afterCommitStep[I, O](name, operation); err != nil {
			return endpoint{}, err
		}
		if entry.IdempotencyRule() != manifest.NoKey {
			c.encoder = newResponseEncoder[O](operation)
		}
		return registerOperation(d, entry, operation, c.serve), nil
	}}
}

// afterCommit is the key of AfterCommit's step in the metadata of an operation.
const afterCommit = "afterCommit"

// AfterCommit makes a command run step after the commit, with the handler's input and
// output, for example to wait for other services. step returns the output to send to this
// request, or nil to send the handler's. The stored response is always the handler's.
func AfterCommit[I, O any](step func(ctx context.Context, in *I, out *O) *O) func(*huma.Operation) {
	return func(operation *huma.Operation) { setMetadata(operation, afterCommit, step) }
}

// afterCommitStep returns the step that AfterCommit has set, or nil.
func afterCommitStep[I, O any](name string, operation huma.Operation) (func(context.Context, *I, *O) *O, error) {
	set, found := operation.Metadata[afterCommit]
	if !found {
		return nil, nil //nolint:nilnil // most operations have none
	}
	step, ok := set.(func(context.Context, *I, *O) *O)
	if !ok {
		return nil, fmt.Errorf("%s: the step after the commit is a %T, which is not of the handler's input and output", name, set)
	}
	return step, nil
}

// command runs the requests of a Command.
type command[I, O any] struct {
	responder[I, O]
	db      *database.DB
	handler CommandHandler[I, O]
}

// responder makes the responses to the requests of a Command or a CommandBatch.
type responder[I, O any] struct {
	after   func(ctx context.Context, in *I, out *O) *O
	encoder http.Handler
}

func (c *command[I, O]) serve(ctx context.Context, in *I) (*O, error) {
	if request := idempotency.FromContext(ctx); request != nil {
		return c.serveKeyed(ctx, request, in)
	}
	var out *O
	err := c.db.InTx(database.WithMaxAcquire(ctx, maxAcquire), func(ctx context.Context, tx *database.Tx) (err error) {
		out, err = c.handler(ctx, tx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	if override := c.runAfter(ctx, in, out); override != nil {
		return override, nil
	}
	return out, nil
}

// serveKeyed handles a request with a key. It returns the output to send in place of the
// stored response, if any.
func (c *command[I, O]) serveKeyed(ctx context.Context, request *idempotency.Request, in *I) (*O, error) {
	var out *O
	replayed, err := request.Run(ctx, func(ctx context.Context, tx *database.Tx) (response idempotency.Response, err error) {
		if out, err = c.handler(ctx, tx, in); err != nil {
			return response, err
		}
		return c.encode(ctx, out, nil), nil
	})
	if err != nil {
		return nil, c.storeFailure(ctx, request, err)
	}
	if replayed {
		return nil, nil //nolint:nilnil // the stored response is sent
	}
	override := c.runAfter(ctx, in, out)
	if override != nil {
		request.SkipStoredResponse()
	}
	return override, nil
}

// runAfter runs the step after the commit. It returns nil to send the handler's output.
func (c *responder[I, O]) runAfter(ctx context.Context, in *I, out *O) *O {
	if c.after == nil {
		return nil
	}
	leaveAdmission(ctx)
	return c.after(ctx, in, out)
}

// storeFailure stores the response to a failed request if it is storable, as
// idempotency.Response.IsStorable defines, and returns the problem to send.
func (c *command[I, O]) storeFailure(ctx context.Context, request *idempotency.Request, err error) error {
	problem := failure.ProblemFromError(ctx, err).WithTrace(telemetry.TraceID(ctx))
	if err := request.StoreErrorResponse(ctx, c.encode(ctx, nil, problem)); err != nil {
		return err // a storable response is sent only if it is stored: a retry could get another
	}
	return problem
}

// result is the result of a handler, for an encoder.
type result[O any] struct {
	out *O
	err error
}

// resultKey is the context key of a result.
type resultKey struct{}

// encode returns the response of an output or an error.
func (c *responder[I, O]) encode(ctx context.Context, out *O, err error) idempotency.Response {
	ctx = context.WithValue(ctx, resultKey{}, result[O]{out, err})
	r := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}, Header: http.Header{}, Body: http.NoBody}).WithContext(ctx)
	return idempotency.RecordResponse(c.encoder, r)
}

// newResponseEncoder returns a new handler that encodes the result in the context of its
// request as huma encodes the result of the operation.
func newResponseEncoder[O any](operation huma.Operation) http.Handler {
	capture := &operationCapture{API: NewAPI(schemaName)}
	huma.Register(capture, huma.Operation{
		OperationID: operation.OperationID, Method: http.MethodPost, Path: "/", DefaultStatus: operation.DefaultStatus,
	}, func(ctx context.Context, _ *struct{}) (*O, error) {
		handled, _ := ctx.Value(resultKey{}).(result[O])
		return handled.out, handled.err
	})
	return capture.handler
}
