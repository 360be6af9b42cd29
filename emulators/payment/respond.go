package payment

import (
	"cmp"
	"net/http"

	"souk/shared/api"
)

// withFaults handles a request with the fault of its operation. Handle has the effect and
// returns the function that writes the response.
func (p *Provider) withFaults(name string, w http.ResponseWriter, r *http.Request, handle func() (respond func())) {
	f, injected := p.faults.take(name)
	if !injected {
		handle()()
		return
	}
	switch f.Kind {
	case TimeoutBefore:
		p.hangUp(f, w, r)
	case ErrorBefore:
		api.Internal().Write(w, r)
	case TimeoutAfter:
		handle()
		p.hangUp(f, w, r)
	case ErrorAfter:
		handle()
		api.Internal().Write(w, r)
	case CallbackFirst:
		respond := handle()
		p.Deliver(r.Context())
		respond()
	default: // Slow
		if err := p.options.Wait(r.Context(), cmp.Or(f.delay(), defaultDelay)); err != nil {
			panic(http.ErrAbortHandler) // The client has disconnected, before the effect.
		}
		handle()()
	}
}

// hangUp waits for the delay of a fault and ends the connection without a response.
func (p *Provider) hangUp(f Fault, w http.ResponseWriter, r *http.Request) {
	if f.DelayMillis > 0 {
		// The error is that the client has disconnected already.
		_ = p.options.Wait(r.Context(), f.delay())
	}
	// The first bytes of a response prevent that a client's transport sends the request again.
	if conn, buffer, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = buffer.WriteString("HTTP/1.1 ")
		_ = buffer.Flush()
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}
