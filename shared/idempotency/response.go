package idempotency

import (
	"log/slog"
	"maps"
	"net/http"
	"strconv"
)

// Response is a response as it is stored and sent.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// IsStorable reports whether a retry of the request would get the same response. A
// request with invalid input, 401, 403, 404, 429, a 5xx or Retry-After may succeed when
// it is retried.
func (a Response) IsStorable() bool {
	switch {
	case a.Header.Get("Retry-After") != "":
		return false
	case a.Status < http.StatusBadRequest:
		return true
	}
	switch a.Status {
	case http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed:
		return true
	}
	return false
}

// write sends the response.
func (a Response) write(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), a.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	if a.Status == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(a.Status)
	if _, err := w.Write(a.Body); err != nil && a.Status != http.StatusNoContent {
		slog.DebugContext(r.Context(), "client disconnected before its response", "error", err)
	}
}

// RecordResponse returns the response that handler writes to r.
func RecordResponse(handler http.Handler, r *http.Request) Response {
	recorder := newRecorder(nil)
	handler.ServeHTTP(recorder, r)
	return recorder.Response
}

// recorder buffers a response.
type recorder struct {
	http.ResponseWriter // nil if there is no connection
	Response
}

func newRecorder(w http.ResponseWriter) *recorder {
	return &recorder{ResponseWriter: w, Response: Response{Header: http.Header{}}}
}

func (w *recorder) Header() http.Header { return w.Response.Header }

func (w *recorder) WriteHeader(status int) {
	if w.Status == 0 && status >= http.StatusOK { // a 1xx comes before the response
		w.Status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.Body = append(w.Body, b...)
	return len(b), nil
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
