package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// HeaderRequestID identifies a request in the logs of the client and the shop. Like
// HeaderTraceID, it is absent from responses that caches may share.
const HeaderRequestID = "X-Request-Id"

// HeaderTraceID names the trace of a request in its response, so that a client can
// quote it when asking for help. Responses that caches may share have none: it would
// be another client's.
const HeaderTraceID = "Trace-Id"

// SetTraceID adds the trace's id to the headers of a response, unless caches may share
// the response.
func SetTraceID(header http.Header, id string) {
	header.Del(HeaderTraceID)
	if id != "" && !IsShared(header) {
		header.Set(HeaderTraceID, id)
	}
}

// RequestID returns the client's own id for its request if it is one that can be
// logged and searched for, or a new one.
func RequestID(header http.Header) (string, error) {
	if ids := header[HeaderRequestID]; len(ids) == 1 && isRequestID(ids[0]) {
		return ids[0], nil
	}
	id, err := uuid.NewV7()
	return id.String(), err
}

func isRequestID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.:", c) >= 0:
		default:
			return false
		}
	}
	return 1 <= len(id) && len(id) <= 128
}

type requestIDKey struct{}

// WithRequestID returns a context with the id of the request, for requests that it
// causes.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestIDFrom returns the id of the request that a context belongs to, or "".
func RequestIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
