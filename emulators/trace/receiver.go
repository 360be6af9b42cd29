package trace

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const (
	// Path is where OTLP/HTTP exporters send spans.
	Path = "/v1/traces"

	// maxBody bounds a request, before and after decompression. The SDK's exporter sends
	// 512 spans at most.
	maxBody = 8 << 20
	// maxDecoding bounds the requests that are read at the same time, and so the memory.
	maxDecoding = 4

	protobufType = "application/x-protobuf"
)

// receiver is the state of the HTTP handler.
type receiver struct {
	// slots has an element for each request that is being read.
	slots chan struct{}
	// decompressors are used again: each has tables of 40 kB.
	decompressors *sync.Pool
}

func newReceiver() receiver {
	return receiver{slots: make(chan struct{}, maxDecoding), decompressors: &sync.Pool{New: func() any { return new(gzip.Reader) }}}
}

// httpError is a response to a request that cannot be processed. Exporters do not repeat
// requests with these statuses.
type httpError struct {
	status int
	code   codes.Code
	text   string
}

func (e *httpError) Error() string { return e.text }

// ServeHTTP handles POST /v1/traces, the OTLP/HTTP protocol with binary Protobuf, which
// may be compressed by gzip: https://opentelemetry.io/docs/specs/otlp/#otlphttp
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refused, err := s.receive(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeBody(w, http.StatusOK, exportResponse(refused))
}

// receive stores the spans of a request and returns how many were refused.
func (s *Store) receive(w http.ResponseWriter, r *http.Request) (refused int, err error) {
	if err := check(w, r); err != nil {
		return 0, err
	}
	// A client that sends slowly occupies a slot that others need.
	err = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.options.ReadTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) { // by a recorder
		return 0, fmt.Errorf("bound the time of a request: %w", err)
	}
	select {
	case s.receiver.slots <- struct{}{}:
	case <-r.Context().Done():
		return 0, &httpError{http.StatusServiceUnavailable, codes.Canceled, "the request was cancelled"}
	}
	defer func() { <-s.receiver.slots }()
	body, err := s.receiver.read(w, r)
	if err != nil {
		return 0, err
	}
	spans, refused, err := decode(body)
	if err != nil {
		return 0, &httpError{http.StatusBadRequest, codes.InvalidArgument, "the body is not an ExportTraceServiceRequest in binary Protobuf"}
	}
	return s.store(spans, refused), nil
}

// check checks path, method and header of a request.
func check(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != Path {
		return &httpError{http.StatusNotFound, codes.NotFound, "not found: spans are received at " + Path}
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return &httpError{http.StatusMethodNotAllowed, codes.Unimplemented, "the method must be POST"}
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != protobufType {
		w.Header().Set("Accept", protobufType)
		return &httpError{http.StatusUnsupportedMediaType, codes.InvalidArgument, "the Content-Type must be " + protobufType}
	}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip":
		return nil
	}
	w.Header().Set("Accept-Encoding", "gzip")
	return &httpError{http.StatusUnsupportedMediaType, codes.InvalidArgument, "the Content-Encoding must be gzip or identity"}
}

// read returns the body of a request, decompressed.
func (c receiver) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var in io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		decompressor, ok := c.decompressors.Get().(*gzip.Reader)
		if !ok {
			decompressor = new(gzip.Reader)
		}
		defer c.decompressors.Put(decompressor)
		if err := decompressor.Reset(in); err != nil {
			return nil, readError(err)
		}
		in = decompressor
	}
	body, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err != nil {
		return nil, readError(err)
	}
	if len(body) > maxBody {
		return nil, readError(&http.MaxBytesError{Limit: maxBody})
	}
	return body, nil
}

func readError(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &httpError{http.StatusRequestEntityTooLarge, codes.InvalidArgument, fmt.Sprintf("the body must have at most %d bytes", maxBody)}
	}
	return &httpError{http.StatusBadRequest, codes.InvalidArgument, fmt.Sprintf("read the body: %v", err)}
}

// Fields of ExportTraceServiceResponse and its ExportTracePartialSuccess.
const (
	fieldPartialSuccess = 1
	fieldRejectedSpans  = 1
	fieldErrorMessage   = 2
)

// exportResponse returns an ExportTraceServiceResponse: empty if all spans were stored,
// else with the number of those that were not, which the exporter must not repeat.
func exportResponse(refused int) []byte {
	if refused == 0 {
		return nil
	}
	partial := protowire.AppendTag(nil, fieldRejectedSpans, protowire.VarintType)
	partial = protowire.AppendVarint(partial, uint64(refused))
	partial = protowire.AppendTag(partial, fieldErrorMessage, protowire.BytesType)
	partial = protowire.AppendString(partial, fmt.Sprintf(
		"a span needs a trace id and a span id, and has at most %d bytes; a trace has at most %d spans, a request %d", maxMessage, maxSpans, maxRequestSpans))
	return protowire.AppendBytes(protowire.AppendTag(nil, fieldPartialSuccess, protowire.BytesType), partial)
}

// writeError responds with a google.rpc.Status, as OTLP requires.
func writeError(w http.ResponseWriter, err error) {
	failure := &httpError{http.StatusInternalServerError, codes.Internal, "internal error"}
	errors.As(err, &failure)
	body, err := proto.Marshal(&rpcstatus.Status{Code: int32(failure.code), Message: failure.text})
	if err != nil {
		body = nil // unreachable: the text is valid UTF-8
	}
	writeBody(w, failure.status, body)
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", protobufType)
	w.WriteHeader(status)
	// A client that has gone receives no response. The type is no text that a browser shows.
	_, _ = w.Write(body) //nolint:gosec // G705: it is binary Protobuf
}
