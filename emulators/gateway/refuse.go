package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"souk/shared/api"
)

// refuse answers a request that got no answer from its function.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r)
	ended := r.Context().Err()
	if errors.Is(ended, context.Canceled) {
		v.status = statusClientGone
		panic(http.ErrAbortHandler) // Nobody is there to read an answer.
	}
	v.fault = err
	var problem *api.Problem
	switch {
	case v.bodyError() != nil:
		problem = api.UnreadableBody(v.bodyError())
	case errors.Is(ended, context.DeadlineExceeded):
		problem = api.NewProblem(http.StatusGatewayTimeout, "timeout", "%s took too long to answer.", v.function)
	case isDial(err):
		// Nothing was sent, so to come again is safe.
		problem = api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s can't be reached at the moment. Try again.", v.function).
			WithHeader("Retry-After", "1")
	default:
		problem = api.NewProblem(http.StatusBadGateway, "bad_gateway", "%s broke off before it answered.", v.function)
	}
	problem.Write(w, r)
}

// isDial says that no connection came about.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// buffers are what answers are copied through.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte  { return p.pool.Get().(*[32 << 10]byte)[:] }
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[32 << 10]byte)(b)) }
