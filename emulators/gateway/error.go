package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"souk/emulators/balance"
	"souk/emulators/pool"
	"souk/emulators/transport"
	"souk/shared/api"
)

// writeError responds to a request whose function did not respond.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	rw := writerFrom(r)
	ctxErr := r.Context().Err()
	if errors.Is(ctxErr, context.Canceled) {
		rw.status = statusClientClosed
		panic(http.ErrAbortHandler) // the client has disconnected
	}
	rw.err = err
	var problem *api.Problem
	switch {
	case rw.bodyError() != nil:
		problem = api.UnreadableBody(rw.bodyError())
	case errors.Is(ctxErr, context.DeadlineExceeded):
		problem = api.NewProblem(http.StatusGatewayTimeout, "timeout", "%s did not respond in time.", rw.function)
	case transport.IsDial(err):
		// The request was not sent, so a retry is safe.
		problem = api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s is unavailable at the moment. Try again.", rw.function).
			WithHeader("Retry-After", "1")
	case balance.IsBusy(err):
		problem = pool.BusyProblem(rw.function)
	default:
		problem = api.NewProblem(http.StatusBadGateway, "bad_gateway", "%s closed the connection before it responded.", rw.function)
	}
	problem.Write(w, r)
}

// buffers are reused for forwarding responses.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte  { return p.pool.Get().(*[32 << 10]byte)[:] }
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[32 << 10]byte)(b)) }
