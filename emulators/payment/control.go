package payment

import (
	"net"
	"net/http"
	"net/netip"

	"souk/emulators/hostcheck"
	"souk/shared/api"
)

// routeControl adds the routes of faults and of what customers and banks do.
func (p *Provider) routeControl(router *api.Router) {
	router.Handle("POST /control/faults", p.control(func(w http.ResponseWriter, r *http.Request) (any, error) {
		var f Fault
		if err := decode(w, r, &f); err != nil {
			return nil, err
		}
		if err := p.Inject(f); err != nil {
			return nil, api.Invalid("body", api.FieldValue, "%s", err)
		}
		return map[string]any{"items": p.Faults()}, nil
	}))
	router.Handle("GET /control/faults", p.control(func(http.ResponseWriter, *http.Request) (any, error) {
		return map[string]any{"items": p.Faults()}, nil
	}))
	router.Handle("DELETE /control/faults", p.control(func(http.ResponseWriter, *http.Request) (any, error) {
		p.ClearFaults()
		return map[string]any{"items": p.Faults()}, nil
	}))
	router.Handle("POST /control/payments/{id}/pay", p.control(func(w http.ResponseWriter, r *http.Request) (any, error) {
		var in struct {
			Number    string `json:"number"`
			Challenge string `json:"challenge"`
		}
		if err := decode(w, r, &in); err != nil {
			return nil, err
		}
		return p.Pay(r.PathValue("id"), in.Number, in.Challenge)
	}))
	router.Handle("POST /control/payments/{id}/dispute", p.control(func(w http.ResponseWriter, r *http.Request) (any, error) {
		var in struct {
			Outcome string `json:"outcome"`
		}
		if err := decode(w, r, &in); err != nil {
			return nil, err
		}
		return p.Dispute(r.PathValue("id"), in.Outcome)
	}))
}

// control returns the handler of a control route.
func (p *Provider) control(handle func(http.ResponseWriter, *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) || hostcheck.IsForeign(r) {
			p.refuse(w, r, api.NewProblem(http.StatusForbidden, api.CodeForbidden,
				"Control routes need a connection from this machine, and no page of another origin."))
			return
		}
		body, err := handle(w, r)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		p.respond(w, result{status: http.StatusOK, body: body})
	})
}

// fromLoopback reports whether a request has a loopback address.
func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
