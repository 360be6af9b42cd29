// Package api implements the conventions of the shop's HTTP API: problem details, keyset
// pages, conditional requests, preferences, cache headers.
package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"souk/shared/telemetry"
)

// ProblemType is the media type of an error response (RFC 9457, section 3).
const ProblemType = "application/problem+json"

// Problem is the error type of the API, in the form of RFC 9457: Code is for programs,
// Detail for people. A handler returns it; the adapter turns it into status and body.
// For any other error the client receives a 500 that does not reveal the cause.
type Problem struct {
	Title   string       `json:"title" doc:"The text of the status." example:"Not Found"`
	Status  int          `json:"status" doc:"The HTTP status." example:"404"`
	Detail  string       `json:"detail,omitempty" doc:"A description of the error and how to fix it." example:"There is no product 0199c0de-0000-7000-8000-000000000001."`
	Code    string       `json:"code" doc:"The code of the error, for programs. Codes do not change." example:"product_not_found"`
	Errors  []FieldError `json:"errors,omitempty" maxItems:"20" doc:"The errors of the input: at most the first 20."`
	Current any          `json:"current,omitempty" doc:"The resource as it is now, for a request that expected another state of it."`
	// Challenge is the token with which to send what the request lacked.
	Challenge string `json:"challenge,omitempty" doc:"The token that continues the operation, for a request that is not complete." example:"Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs"`
	TraceID   string `json:"traceId,omitempty" doc:"The trace of the request. Include it in support requests." example:"4bf92f3577b34da6a3ce929d0e0e4736"`

	headers http.Header
}

// NewProblem returns a problem with a status and a code. The detail is formatted like
// fmt.Sprintf. Clients read it, so it must not reveal internals.
func NewProblem(status int, code, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid returns the 400 for input with an error at one location, such as body.price.
// The code is one of the codes of field errors.
func Invalid(location, code, format string, args ...any) *Problem {
	p := NewProblem(http.StatusBadRequest, CodeInvalid, "The request is invalid: see errors.")
	p.Errors = []FieldError{{Location: location, Code: code, Message: fmt.Sprintf(format, args...)}}
	return p
}

// maxErrors is the maximum number of errors that a problem lists.
const maxErrors = 20

// maxLocation is the maximum length of an error's location, in bytes: a client may send
// names of any length.
const maxLocation = 200

// InvalidFields returns the 400 for input with errors at several locations. It lists the
// first 20, by location, and states how many there are.
func InvalidFields(errs []FieldError) *Problem {
	p := NewProblem(http.StatusBadRequest, CodeInvalid, "The request is invalid: see errors.")
	errs = slices.Clone(errs)
	slices.SortStableFunc(errs, func(a, b FieldError) int { return strings.Compare(a.Location, b.Location) })
	if len(errs) > maxErrors {
		p.Detail = fmt.Sprintf("The request is invalid at %d places: errors lists the first %d.", len(errs), maxErrors)
		errs = errs[:maxErrors:maxErrors]
	}
	for i := range errs {
		if location := errs[i].Location; len(location) > maxLocation {
			errs[i].Location = strings.ToValidUTF8(location[:maxLocation], "") + "..."
		}
	}
	p.Errors = errs
	return p
}

// NotFoundSuffix follows the kind of a resource in the code of its 404.
const NotFoundSuffix = "_not_found"

// NotFound returns the 404 for a resource of a kind, such as "product" or "order".
func NotFound(kind string, id fmt.Stringer) *Problem {
	return NewProblem(http.StatusNotFound, kind+NotFoundSuffix, "There is no %s %s.", kind, id)
}

// Internal returns the 500 that does not reveal its cause.
func Internal() *Problem {
	return NewProblem(http.StatusInternalServerError, CodeInternal, "An internal error occurred. Send the request again; if the error persists, report the traceId.")
}

// Codes of more than one operation.
const (
	CodeInvalid      = "invalid_request"
	CodeInternal     = "internal"
	CodeUnavailable  = "unavailable"
	CodeUnauthorized = "unauthenticated"
	CodeTokenRevoked = "token_revoked"
	CodeForbidden    = "forbidden"
	CodeMediaType    = "unsupported_media_type"
	// CodeNetworkNotAllowed is of an API key that may not be used from the network of a request.
	CodeNetworkNotAllowed = "network_not_allowed"
)

// Error returns the code and the detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError with headers such as Retry-After.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return ProblemType }

// WithHeader returns a copy of the problem whose response has a header.
func (p *Problem) WithHeader(name, value string) *Problem {
	withHeader := *p
	withHeader.headers = p.headers.Clone()
	if withHeader.headers == nil {
		withHeader.headers = http.Header{}
	}
	withHeader.headers.Set(name, value)
	return &withHeader
}

// WithTrace returns a copy of the problem with the id of the request's trace.
func (p *Problem) WithTrace(id string) *Problem {
	withTrace := *p
	withTrace.TraceID = id
	return &withTrace
}

// Write writes the problem as the response to a request.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) {
	trace := telemetry.TraceID(r.Context())
	body, err := json.Marshal(p.WithTrace(trace))
	if err != nil {
		slog.ErrorContext(r.Context(), "marshal problem", "code", p.Code, "error", err)
	}
	maps.Copy(w.Header(), p.headers)
	w.Header().Set("Content-Type", ProblemType)
	SetResponseHeaders(w.Header(), p.Status, "")
	SetTraceID(w.Header(), trace)
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(append(body, '\n')); err != nil {
		slog.DebugContext(r.Context(), "client disconnected before its response", "error", err)
	}
}

// Router is a http.ServeMux whose 404 and 405 are problems.
type Router struct {
	mux *http.ServeMux
	// routes has the same routes without the catch-all: only it determines the methods
	// that a path allows.
	routes *http.ServeMux
}

// NewRouter returns a router without routes.
func NewRouter() *Router {
	router := &Router{mux: http.NewServeMux(), routes: http.NewServeMux()}
	router.mux.HandleFunc("/", router.refuse)
	return router
}

// Handle adds a route. Its pattern is http.ServeMux's: "GET /v1/products/{id}".
func (router *Router) Handle(pattern string, handler http.Handler) {
	router.mux.Handle(pattern, handler)
	router.routes.Handle(pattern, handler)
}

// ServeHTTP calls the most specific route, or responds with 404, or 405 with Allow.
func (router *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// http.ServeMux redirects such a path, without Cache-Control: a cache could store that.
	if !isClean(r.URL.EscapedPath()) {
		router.refuse(w, r)
		return
	}
	router.mux.ServeHTTP(w, r)
}

// isClean reports whether a path has no empty element, "." or "..".
func isClean(escaped string) bool {
	cleaned := path.Clean(escaped)
	return escaped == cleaned || escaped == cleaned+"/" && cleaned != "/"
}

// refuse responds to requests that no route matches.
func (router *Router) refuse(w http.ResponseWriter, r *http.Request) {
	if telemetry.TraceID(r.Context()) == "" {
		r = r.WithContext(telemetry.FromHeader(r.Context(), r.Header))
	}
	handler, _ := router.routes.Handler(r)
	var recorded statusRecorder
	handler.ServeHTTP(&recorded, r)
	if recorded.status == http.StatusMethodNotAllowed {
		allow := recorded.Header().Get("Allow")
		NewProblem(recorded.status, "method_not_allowed", "The path does not allow %s. It allows %s.", r.Method, allow).
			WithHeader("Allow", allow).Write(w, r)
		return
	}
	NewProblem(http.StatusNotFound, "route_not_found", "No operation has the path %s.", strings.ToValidUTF8(r.URL.Path, "?")).Write(w, r)
}

// statusRecorder records the status and headers of a response and drops its body.
type statusRecorder struct {
	status int
	header http.Header
}

func (r *statusRecorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }

func (r *statusRecorder) WriteHeader(status int) { r.status = status }
