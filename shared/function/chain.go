package function

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/event"
	"souk/shared/health"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

// chain lists the layers that a request passes on its way to an operation, from the outside
// in. The handlers of the layers before routing serve all requests of a process, those of
// the layers after it the requests of one function.
//
// The order matters: health checks are not counted, logged or queued; a request is counted
// until its log is written; it is admitted before work is spent on it; a caller is known before
// its idempotency key is, because keys are scoped by caller. The layer idempotency limits the
// size of bodies itself, because it reads them before the layer body limit, to hash the request.
var chain = []layer{
	{"health", perEndpoint(withHealth)},
	{"in-flight", perEndpoint(withDrain)},
	{"observe", perEndpoint(observe)},
	{"client address", perEndpoint(withClient)},
	{"routing", route},
	{"function metadata", perEndpoint(withFunctionMetadata)},
	{"admission", perEndpoint(withAdmission)},
	{"authorization", perEndpoint(authorize)},
	{"conditional requests", perEndpoint(withConditions)},
	{"idempotency", perEndpoint(withIdempotency)},
	{"body limit", perEndpoint(withBodyLimit)},
}

// layer is a layer of middleware.
type layer struct {
	// name is the layer's name in docs/architecture.md.
	name string
	// wrap returns the layer's endpoints, which call those of the next layer.
	wrap func(s *server, next []endpoint) []endpoint
}

// endpoint is the handler of a function's requests. In the layers before routing it serves
// all functions, and its entry is zero.
type endpoint struct {
	entry manifest.Function
	// operation is nil for a function that Pub/Sub calls.
	operation *huma.Operation
	handler   http.Handler
	// sharesConnections reports whether requests need less than a database connection each:
	// they join batches, or wait for another server meanwhile; see admissionLimit.
	sharesConnections bool
}

// server holds what the layers of a process share: a process has one.
type server struct {
	*Runtime
	drain     *drain
	coldStart coldStart
}

// handler returns the handler of a process: the endpoints of its functions in the layers of
// a chain.
func (s *server) handler(layers []layer, functions []endpoint) http.Handler {
	for _, l := range slices.Backward(layers) {
		functions = l.wrap(s, functions)
	}
	return functions[0].handler
}

// perEndpoint returns a wrap function of a layer that wraps each endpoint on its own.
func perEndpoint(wrap func(s *server, next endpoint) http.Handler) func(*server, []endpoint) []endpoint {
	return func(s *server, next []endpoint) []endpoint {
		wrapped := slices.Clone(next)
		for i := range wrapped {
			wrapped[i].handler = wrap(s, next[i])
		}
		return wrapped
	}
}

// withHealth responds to health checks, and to the startup probe if a function of the
// process needs a database.
func withHealth(s *server, next endpoint) http.Handler {
	handler := health.Handler(next.handler)
	if usesDatabase(s.options.Manifest, s.options.Target) {
		handler = health.Startup(s.DB.PingContext, handler)
	}
	return handler
}

// withDrain counts the requests in flight; see drain.
func withDrain(s *server, next endpoint) http.Handler { return s.drain.serve(next.handler) }

// withClient puts the client's address into the request's context; see api.Client.
func withClient(s *server, next endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := api.ClientAddress(r, s.options.TrustedHops)
		next.handler.ServeHTTP(w, r.WithContext(api.WithClient(r.Context(), address)))
	})
}

// route matches the routes of the functions, and responds with 404 and 405 as problems.
func route(s *server, next []endpoint) []endpoint {
	if s.isNotDeployed(next) {
		return []endpoint{{handler: notDeployed(s.options.Target)}}
	}
	router := api.NewRouter()
	for _, e := range next {
		router.Handle(Pattern(e.entry), e.handler)
	}
	return []endpoint{{handler: router}}
}

// isNotDeployed reports whether the process is to serve a function that it does not have.
func (s *server) isNotDeployed(functions []endpoint) bool {
	return s.options.Target != "" && len(functions) == 0
}

// withConditions handles If-Match and If-None-Match; see api.Conditional.
func withConditions(_ *server, next endpoint) http.Handler {
	if next.operation == nil || IsUnconditional(next.operation) {
		return next.handler
	}
	return api.Conditional(next.handler)
}

// withIdempotency handles idempotency keys if the function accepts them.
func withIdempotency(s *server, next endpoint) http.Handler {
	rule := next.entry.IdempotencyRule()
	if rule == manifest.NoKey {
		return next.handler
	}
	return s.idempotencyKeys.Handler(idempotency.Operation{
		Name: next.entry.Name, Required: rule == manifest.KeyRequired, MaxBody: next.entry.BodyLimit(),
	}, next.handler)
}

// withBodyLimit bounds the bodies that functions read, including those that huma does not read.
func withBodyLimit(_ *server, next endpoint) http.Handler {
	limit := int64(event.MaxPushBytes)
	if next.entry.HTTP != "" {
		limit = next.entry.BodyLimit()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
		}
		next.handler.ServeHTTP(w, r)
	})
}
