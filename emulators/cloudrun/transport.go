package cloudrun

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"souk/emulators/pool"
	"souk/shared/api"
	"souk/shared/telemetry"
)

// Transport returns the way to a function's instances without the connection to its URL, or
// nil for an unknown function. It uses neither scheme nor host of a request's URL. As at the
// URL, a request without an instance gets a 429 or 503, not an error; an error only means that
// the request's context is done or its body could not be read.
func (p *Platform) Transport(function string) http.RoundTripper {
	if s, known := p.byName[function]; known {
		return &front{s}
	}
	return nil
}

// front is a service seen by its clients: it counts requests and responds for missing
// instances.
type front struct{ *service }

// RoundTrip returns the response of an instance, or of the platform.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	begin := time.Now()
	response, err := f.roundTrip(r)
	if err != nil {
		defer func() { f.counters.count(status(response), time.Since(begin)) }()
		if _, body := errors.AsType[*unreadable](err); body || r.Context().Err() != nil {
			return nil, errors.Join(err, closeBody(r))
		}
		if err := closeBody(r); err != nil {
			return nil, fmt.Errorf("close the body of a request: %w", err)
		}
		response = f.respond(r, err)
		return response, nil
	}
	body := response.Body.(*countedBody)
	release := body.done
	body.done = func() {
		release()
		f.counters.count(response.StatusCode, time.Since(begin))
	}
	return response, nil
}

func status(response *http.Response) int {
	if response == nil {
		return 0
	}
	return response.StatusCode
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// respond returns the response to a request without a response of an instance: 429 if all
// instances that may exist are busy, otherwise 503, as on Cloud Run
// (https://cloud.google.com/run/docs/troubleshooting).
func (f *front) respond(r *http.Request, err error) *http.Response {
	r = r.WithContext(telemetry.FromHeader(r.Context(), r.Header))
	f.log.WarnContext(r.Context(), "no response to a request", "method", r.Method, "error", err)
	problem := f.problem(err)
	if problem.Status == http.StatusTooManyRequests {
		f.counters.rejected429.Add(1)
	} else {
		f.counters.unavailable503.Add(1)
	}
	w := &recorder{header: http.Header{}}
	problem.Write(w, r)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Request: r,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}
}

func (f *front) problem(err error) *api.Problem {
	name := f.function.Name
	if none, ok := errors.AsType[*unavailable](err); ok {
		return api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s is unavailable at the moment. Try again later.", name).
			WithHeader("Retry-After", seconds(none.retryAfter))
	}
	if errors.Is(err, errBusy) {
		return pool.BusyProblem(name)
	}
	// The effect of the request is unknown, so no Retry-After invites a repetition.
	return api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s ended before it responded.", name)
}

// recorder is a http.ResponseWriter to memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header             { return w.header }
func (w *recorder) WriteHeader(status int)          { w.status = status }
func (w *recorder) Write(piece []byte) (int, error) { return w.body.Write(piece) }

// seconds formats a Retry-After value: rounded up to whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(max(1, math.Ceil(d.Seconds()))))
}
