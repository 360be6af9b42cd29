package payment

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"souk/shared/api"
	"souk/shared/health"
	"souk/shared/telemetry"
)

// Names of the operations for Fault.Operation.
const (
	OperationCreate  = "create"
	OperationGet     = "get"
	OperationList    = "list"
	OperationCapture = "capture"
	OperationVoid    = "void"
	OperationRefund  = "refund"
	OperationEvents  = "events"
	OperationBooks   = "books"
	OperationPay     = "pay" // the form of the payment page
	OperationAny     = "any" // of the API
)

// routes returns the handler of all requests.
func (p *Provider) routes() http.Handler {
	router := api.NewRouter()
	router.Handle("POST /v1/payments", writer(p, OperationCreate, http.StatusCreated, p.create))
	router.Handle("POST /v1/payments/{id}/capture", writer(p, OperationCapture, http.StatusOK, p.capture))
	router.Handle("POST /v1/payments/{id}/void", writer(p, OperationVoid, http.StatusOK, p.void))
	router.Handle("POST /v1/payments/{id}/refunds", writer(p, OperationRefund, http.StatusCreated, p.refund))
	router.Handle("GET /v1/payments/{id}", p.operation(OperationGet, p.get))
	router.Handle("GET /v1/payments", p.operation(OperationList, p.listPayments))
	router.Handle("GET /v1/events", p.operation(OperationEvents, p.listEvents))
	router.Handle("GET /v1/books", p.operation(OperationBooks, func(_ http.ResponseWriter, r *http.Request) (result, error) {
		return result{status: http.StatusOK, body: map[string]any{"items": p.Books()}}, allowQuery(r)
	}))
	p.routeControl(router)
	p.page.route(router)
	return health.Handler(p.options.Hosts.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		router.ServeHTTP(w, r.WithContext(telemetry.FromHeader(r.Context(), r.Header)))
	})))
}

// operation returns the handler of an API operation, with authentication and faults.
func (p *Provider) operation(name string, handle func(http.ResponseWriter, *http.Request) (result, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.authenticate(r); err != nil {
			p.refuse(w, r, err)
			return
		}
		p.withFaults(name, w, r, func() func() {
			response, err := handle(w, r)
			if err == nil {
				err = p.sync()
			}
			if err != nil {
				return func() { p.refuse(w, r, err) }
			}
			return func() { p.respond(w, response) }
		})
	})
}

func (p *Provider) get(_ http.ResponseWriter, r *http.Request) (result, error) {
	if err := allowQuery(r); err != nil {
		return result{}, err
	}
	p.mu.Lock()
	p.advance()
	e, err := p.find(r.PathValue("id"))
	p.mu.Unlock()
	if err != nil {
		return result{}, err
	}
	return result{status: http.StatusOK, body: p.view(e)}, nil
}

// find returns a payment. The caller must hold mu.
func (p *Provider) find(id string) (*entry, error) {
	if i, found := p.index[id]; found {
		return p.payments[i], nil
	}
	return nil, api.NewProblem(http.StatusNotFound, "payment"+api.NotFoundSuffix, "There is no such payment.")
}

// view returns a payment as clients receive it.
func (p *Provider) view(e *entry) Payment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.viewLocked(e)
}

func (p *Provider) viewLocked(e *entry) Payment {
	shown := e.Payment
	shown.PageURL = p.url + pagePath + e.Token
	return shown
}

// respond writes a result as JSON.
func (p *Provider) respond(w http.ResponseWriter, response result) {
	w.Header().Set("Content-Type", "application/json")
	api.SetResponseHeaders(w.Header(), response.status, "")
	if response.replayed {
		w.Header().Set(replayedHeader, strconv.FormatBool(true))
	}
	w.WriteHeader(response.status)
	if err := api.EncodeJSON(w, response.body); err != nil {
		p.options.Logger.Debug("write a response of the payment provider", "error", err)
	}
}

// refuse writes an error as problem details. An error that is no problem is a 500.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem, ok := errors.AsType[*api.Problem](err)
	if !ok {
		problem = api.Internal()
		p.options.Logger.LogAttrs(r.Context(), slog.LevelError, "payment provider",
			slog.String("route", r.Pattern), slog.String("error", err.Error()))
	}
	problem.Write(w, r)
}
