package function

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/batch"
	"souk/shared/database"
	"souk/shared/failure"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// Call is a request of a batch.
type Call[I, O any] struct {
	// Context is that of the request: it has the caller and the trace.
	Context context.Context
	In      *I

	out      *O
	err      error
	request  *idempotency.Request // nil without a key
	response *idempotency.Response
	replayed bool
}

// Return sets the output of the call.
func (c *Call[I, O]) Return(out *O) { c.out, c.err = out, nil }

// Fail sets the error of the call, which has no effect then. The other calls of the batch go on.
func (c *Call[I, O]) Fail(err error) { c.out, c.err = nil, err }

// Result returns what Return or Fail has set.
func (c *Call[I, O]) Result() (*O, error) { return c.out, c.err }

// CommandBatch returns a function like one of Command, whose requests that are in the process at
// the same time share a transaction: see package batch. The handler must call Return or Fail for
// each call, in the order of their arrival, with the same results and effects as if it were
// called with each of them, one after the other. If it returns an error, it is called with fewer
// of them, until the call that fails is alone.
func CommandBatch[I, O any](name string, handler func(ctx context.Context, tx *database.Tx, calls []*Call[I, O]) error, options ...func(*huma.Operation)) Function {
	return Function{Name: name, handler: handler, newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		operation, err := newOperation(d, entry, name, options)
		if err != nil {
			return endpoint{}, err
		}
		if entry.IdempotencyRule() == manifest.NoKey {
			return endpoint{}, fmt.Errorf("%s: accepts no Idempotency-Key: register it with function.Command", name)
		}
		c := &commandBatch[I, O]{keys: d.runtime.idempotencyKeys, handler: handler}
		if c.after, err = afterCommitStep[I, O](name, operation); err != nil {
			return endpoint{}, err
		}
		c.encoder = newResponseEncoder[O](operation)
		c.batcher = batch.New(d.runtime.DB, d.runtime.Batch, c.run)
		e := registerOperation(d, entry, operation, c.serve)
		e.sharesConnections = true
		return e, nil
	}}
}

// commandBatch runs the requests of a CommandBatch.
type commandBatch[I, O any] struct {
	responder[I, O]
	keys    *idempotency.Keys
	handler func(ctx context.Context, tx *database.Tx, calls []*Call[I, O]) error
	batcher *batch.Batcher[*Call[I, O]]
}

func (c *commandBatch[I, O]) serve(ctx context.Context, in *I) (*O, error) {
	request := idempotency.FromContext(ctx)
	if request == nil {
		call := &Call[I, O]{Context: ctx, In: in}
		if err := c.batcher.Do(database.WithMaxAcquire(ctx, maxAcquire), call, 0); err != nil {
			return nil, err
		}
		if call.err != nil {
			return nil, call.err
		}
		if override := c.runAfter(ctx, in, call.out); override != nil {
			return override, nil
		}
		return call.out, nil
	}
	call, err := c.attempt(ctx, request, in)
	if err != nil {
		return nil, idempotency.Problem(ctx, err)
	}
	request.Respond(call.response, call.replayed)
	if call.replayed || call.err != nil {
		return nil, call.err
	}
	override := c.runAfter(ctx, in, call.out)
	if override != nil {
		request.SkipStoredResponse()
	}
	return override, nil
}

// attempt runs a request with a key, also when the client disconnects.
func (c *commandBatch[I, O]) attempt(ctx context.Context, request *idempotency.Request, in *I) (*Call[I, O], error) {
	attempt, end, err := request.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	call := &Call[I, O]{Context: ctx, In: in, request: request}
	err = c.batcher.Do(attempt, call, request.Size())
	if database.IsCommitUnknown(err) {
		// The key's row exists if the transaction was committed.
		call = &Call[I, O]{Context: ctx, In: in, request: request}
		err = c.batcher.Do(attempt, call, request.Size())
	}
	return call, err
}

// run claims the keys of calls, calls the handler with those that are claimed, and stores their
// responses.
func (c *commandBatch[I, O]) run(ctx context.Context, tx *database.Tx, calls []*Call[I, O]) error {
	claimed, err := c.claim(ctx, tx, calls)
	if err != nil || len(claimed) == 0 {
		return err
	}
	for _, call := range claimed {
		call.Fail(errNoResult)
	}
	if err := c.handler(ctx, tx, claimed); err != nil {
		return err
	}
	return c.store(ctx, tx, claimed)
}

var errNoResult = errors.New("the handler of a batch returned no result for a call")

// claim claims the keys of calls, and returns the calls that the handler must handle.
func (c *commandBatch[I, O]) claim(ctx context.Context, tx *database.Tx, calls []*Call[I, O]) (claimed []*Call[I, O], err error) {
	var keyed []*Call[I, O]
	var requests []*idempotency.Request
	for _, call := range calls {
		call.response, call.replayed = nil, false
		if call.request == nil {
			claimed = append(claimed, call)
			continue
		}
		keyed, requests = append(keyed, call), append(requests, call.request)
	}
	if len(keyed) == 0 {
		return claimed, nil
	}
	claims, err := c.keys.Claim(ctx, tx, requests)
	if err != nil {
		return nil, err
	}
	for i, claim := range claims {
		call := keyed[i]
		switch {
		case claim.Err != nil:
			call.Fail(idempotency.Problem(call.Context, claim.Err))
		case claim.Response != nil:
			call.Return(nil)
			call.response, call.replayed = claim.Response, true
		default:
			claimed = append(claimed, call)
		}
	}
	return claimed, nil
}

// store encodes the results of calls and stores those that a retry would get again. The keys of
// the others stay unused.
func (c *commandBatch[I, O]) store(ctx context.Context, tx *database.Tx, calls []*Call[I, O]) error {
	var stored, released []*idempotency.Request
	var responses []idempotency.Response
	for _, call := range calls {
		if call.request == nil {
			continue
		}
		if call.err != nil {
			call.err = failure.ProblemFromError(call.Context, call.err).WithTrace(telemetry.TraceID(call.Context))
		}
		response := c.encode(call.Context, call.out, call.err)
		if call.err != nil && !response.IsStorable() {
			released = append(released, call.request)
			continue
		}
		call.response = &response
		stored, responses = append(stored, call.request), append(responses, response)
	}
	if len(released) > 0 {
		if err := c.keys.Release(ctx, tx, released); err != nil {
			return err
		}
	}
	if len(stored) == 0 {
		return nil
	}
	return c.keys.Store(ctx, tx, stored, responses)
}
