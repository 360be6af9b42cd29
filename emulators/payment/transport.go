package payment

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// inProcess is the transport of Provider.Transport.
type inProcess struct{ provider *Provider }

// Transport returns a transport that calls the provider in this process, for tests without a
// network. A connection that ends without a response is io.ErrUnexpectedEOF.
func (p *Provider) Transport() http.RoundTripper { return inProcess{p} }

// RoundTrip serves a request.
func (t inProcess) RoundTrip(request *http.Request) (response *http.Response, err error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	served := request.Clone(request.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer func() { _ = served.Body.Close() }()
	if served.Host == "" {
		served.Host = request.URL.Host
	}
	served.RemoteAddr, served.RequestURI = "127.0.0.1:0", request.URL.RequestURI()
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case errors.Is(asError(cause), http.ErrAbortHandler):
			response, err = nil, io.ErrUnexpectedEOF
		default:
			panic(cause)
		}
	}()
	w := responseWriter{header: http.Header{}, status: http.StatusOK}
	t.provider.ServeHTTP(&w, served)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: request,
	}, nil
}

func asError(cause any) error {
	err, _ := cause.(error)
	return err
}

// responseWriter stores a response.
type responseWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *responseWriter) Header() http.Header         { return w.header }
func (w *responseWriter) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *responseWriter) WriteHeader(status int)      { w.status = status }
