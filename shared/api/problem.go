// Package api holds the conventions that every HTTP answer of the shop keeps:
// problem details, keyset pages, conditional requests, preferences.
package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"souk/shared/telemetry"
)

// ProblemType is the media type of an error answer (RFC 9457, section 3).
const ProblemType = "application/problem+json"

// Problem is the one error type of the shop: what went wrong, for a program (Code)
// and for a person (Detail), in the form of RFC 9457. A handler returns it; the
// adapter turns it into status and body. Any other error reaches the client as a
// 500 that says nothing of its cause.
type Problem struct {
	Title   string       `json:"title" doc:"The status in words." example:"Not Found"`
	Status  int          `json:"status" doc:"The HTTP status." example:"404"`
	Detail  string       `json:"detail,omitempty" doc:"What went wrong and what to do about it, for a person." example:"There is no product 0199c0de-0000-7000-8000-000000000001."`
	Code    string       `json:"code" doc:"What went wrong, for a program. Codes do not change." example:"product_not_found"`
	Errors  []FieldError `json:"errors,omitempty" maxItems:"20" doc:"What is wrong with the input: at most the first 20 places."`
	TraceID string       `json:"traceId,omitempty" doc:"The request's trace, to name when asking for help." example:"4bf92f3577b34da6a3ce929d0e0e4736"`

	headers http.Header
}

// NewProblem returns a problem of that status and code. The detail is formatted
// like fmt.Sprintf's and is read by clients: it names no cause inside the shop.
func NewProblem(status int, code, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid returns the 400 for input that breaks a rule at one place, such as
// body.price. The code is one of the codes of field errors.
func Invalid(location, code, format string, args ...any) *Problem {
	p := NewProblem(http.StatusBadRequest, CodeInvalid, "The request breaks a rule: see errors.")
	p.Errors = []FieldError{{Location: location, Code: code, Message: fmt.Sprintf(format, args...)}}
	return p
}

// maxErrors is the most errors that a problem lists.
const maxErrors = 20

// maxLocation is the longest location of an error, in bytes: a client may send names
// of any length.
const maxLocation = 200

// InvalidFields returns the 400 for input that breaks rules at several places. It
// lists the first 20, by location, and states how many there are.
func InvalidFields(errs []FieldError) *Problem {
	p := NewProblem(http.StatusBadRequest, CodeInvalid, "The request breaks a rule: see errors.")
	errs = slices.Clone(errs)
	slices.SortStableFunc(errs, func(a, b FieldError) int { return strings.Compare(a.Location, b.Location) })
	if len(errs) > maxErrors {
		p.Detail = fmt.Sprintf("The request breaks rules at %d places: errors lists the first %d.", len(errs), maxErrors)
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

// NotFound returns the 404 for a thing of that kind: "product", "order".
func NotFound(kind string, id fmt.Stringer) *Problem {
	return NewProblem(http.StatusNotFound, kind+"_not_found", "There is no %s %s.", kind, id)
}

// Internal returns the 500 that says nothing of its cause.
func Internal() *Problem {
	return NewProblem(http.StatusInternalServerError, CodeInternal, "Something went wrong here. Try again; if it stays, tell us the traceId.")
}

// Codes that more than one operation answers with.
const (
	CodeInvalid      = "invalid_request"
	CodeInternal     = "internal"
	CodeUnavailable  = "unavailable"
	CodeUnauthorized = "unauthenticated"
	CodeTokenRevoked = "token_revoked"
	CodeForbidden    = "forbidden"
)

// Error returns the code and the detail, so that a log line tells both.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus tells huma the status of the answer.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers of the answer, such as Retry-After.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType tells huma the media type of the answer.
func (p *Problem) ContentType(string) string { return ProblemType }

// WithHeader returns the problem with a header added to its answer.
func (p *Problem) WithHeader(name, value string) *Problem {
	withHeader := *p
	withHeader.headers = p.headers.Clone()
	if withHeader.headers == nil {
		withHeader.headers = http.Header{}
	}
	withHeader.headers.Set(name, value)
	return &withHeader
}

// WithTrace returns the problem with the id of the trace it belongs to.
func (p *Problem) WithTrace(id string) *Problem {
	withTrace := *p
	withTrace.TraceID = id
	return &withTrace
}

// Write answers a request with the problem.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) {
	trace := telemetry.TraceID(r.Context())
	body, err := json.Marshal(p.WithTrace(trace))
	if err != nil {
		slog.ErrorContext(r.Context(), "marshal a problem", "code", p.Code, "error", err)
	}
	maps.Copy(w.Header(), p.headers)
	w.Header().Set("Content-Type", ProblemType)
	Protect(w.Header(), p.Status, "")
	SetTraceID(w.Header(), trace)
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(append(body, '\n')); err != nil {
		slog.DebugContext(r.Context(), "the client left before its answer", "error", err)
	}
}

// Router is a http.ServeMux whose 404 and 405 are problems.
type Router struct {
	mux *http.ServeMux
	// routes has the same routes without the one that catches the rest: only it
	// can tell which methods a path takes.
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

// ServeHTTP calls the route that matches best, or answers 404 or 405 with Allow.
func (router *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) { router.mux.ServeHTTP(w, r) }

// refuse answers what no route matches.
func (router *Router) refuse(w http.ResponseWriter, r *http.Request) {
	if telemetry.TraceID(r.Context()) == "" {
		r = r.WithContext(telemetry.FromHeader(r.Context(), r.Header))
	}
	handler, _ := router.routes.Handler(r)
	var verdict verdictWriter
	handler.ServeHTTP(&verdict, r)
	if verdict.status == http.StatusMethodNotAllowed {
		allow := verdict.Header().Get("Allow")
		NewProblem(verdict.status, "method_not_allowed", "%s is not for this path. It takes %s.", r.Method, allow).
			WithHeader("Allow", allow).Write(w, r)
		return
	}
	NewProblem(http.StatusNotFound, "route_not_found", "There is nothing at %s.", strings.ToValidUTF8(r.URL.Path, "?")).Write(w, r)
}

// verdictWriter keeps the status and headers of an answer and drops its body.
type verdictWriter struct {
	status int
	header http.Header
}

func (v *verdictWriter) Header() http.Header {
	if v.header == nil {
		v.header = http.Header{}
	}
	return v.header
}

func (v *verdictWriter) Write(b []byte) (int, error) { return len(b), nil }

func (v *verdictWriter) WriteHeader(status int) { v.status = status }
