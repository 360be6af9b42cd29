package idempotency

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"souk/shared/api"
	"souk/shared/auth"
)

const (
	// HeaderKey is the request header with the key.
	HeaderKey = "Idempotency-Key"
	// HeaderReplayed is true in a response that is a replay.
	HeaderReplayed = "Idempotency-Replayed"
	// MaxKeyLength is the longest key, in bytes.
	MaxKeyLength = 255
	// bodyTimeout bounds the time for receiving a request's body.
	bodyTimeout = 10 * time.Second
)

// Operation describes an operation that accepts keys.
type Operation struct {
	// Name is part of a key's scope: the same key of two operations is two keys.
	Name string
	// Required refuses requests without a key.
	Required bool
	// MaxBody is the longest body, in bytes.
	MaxBody int64
}

// Handler returns middleware that reads the key of a request and puts a Request into the
// context of next, which must call its Run. Authentication must come before it, because
// the caller is part of a key's scope.
func (k *Keys) Handler(operation Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, problem := parseKey(r.Header, operation.Required)
		if problem != nil {
			problem.Write(w, r)
			return
		}
		caller, ok := auth.PrincipalFrom(r.Context())
		if key == "" || !ok {
			next.ServeHTTP(w, r)
			return
		}
		body, problem := readBody(w, r, operation.MaxBody)
		if problem != nil {
			problem.Write(w, r)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		request := &Request{
			keys: k, caller: caller.ID(),
			scope:   hashParts(operation.Name, caller.ID().String(), key),
			payload: hashParts(r.Method, r.URL.Path, r.URL.RawQuery, string(body)),
			size:    len(body),
		}
		request.serve(w, r, next)
	})
}

// serve sends the response of Run, or what next writes if there is none.
func (r *Request) serve(w http.ResponseWriter, hr *http.Request, next http.Handler) {
	recorder := newRecorder(w)
	next.ServeHTTP(recorder, hr.WithContext(context.WithValue(hr.Context(), requestKey{}, r)))
	if !r.ran {
		if problem := r.replay(hr.Context()); problem != nil {
			problem.Write(w, hr)
			return
		}
	}
	if r.response == nil {
		recorder.write(w, hr)
		return
	}
	if r.replayed {
		w.Header().Set(HeaderReplayed, "true")
	}
	r.response.write(w, hr)
}

// replay reads the stored response to a request that was refused before it ran. The
// key has precedence: a request that took effect gets its response even if the
// validation of its input has changed since. It returns a problem for a key that was
// used with another payload.
func (r *Request) replay(ctx context.Context) *api.Problem {
	ctx, cancel := context.WithTimeout(ctx, maxInsert)
	defer cancel()
	stored, err := r.peek(ctx, r.keys.db)
	switch {
	case errors.Is(err, errReused):
		return Problem(ctx, err)
	case errors.Is(err, errInFlight): // or the key is not found
	case err != nil:
		slog.WarnContext(ctx, "cannot read the idempotency key of an invalid request", "error", err)
	default:
		r.response, r.replayed = stored, true
	}
	return nil
}

// parseKey returns the request's key, or "" without one.
func parseKey(header http.Header, required bool) (string, *api.Problem) {
	keys := header.Values(HeaderKey)
	switch {
	case len(keys) == 0 && required:
		return "", api.Invalid("header."+HeaderKey, api.FieldRequired, "is required: send a new UUID, and the same one when you retry this request")
	case len(keys) == 0:
		return "", nil
	case len(keys) > 1:
		return "", api.Invalid("header."+HeaderKey, api.FieldDuplicate, "must be sent once, not %d times", len(keys))
	case !isKey(keys[0]):
		return "", api.Invalid("header."+HeaderKey, api.FieldFormat, "must be 1 to %d visible ASCII characters, such as a UUID", MaxKeyLength)
	}
	return keys[0], nil
}

func isKey(key string) bool {
	for _, c := range []byte(key) {
		if c < '!' || c > '~' {
			return false
		}
	}
	return 1 <= len(key) && len(key) <= MaxKeyLength
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *api.Problem) {
	connection := http.NewResponseController(w)
	if err := connection.SetReadDeadline(time.Now().Add(bodyTimeout)); err == nil {
		defer func() { _ = connection.SetReadDeadline(time.Time{}) }() // it succeeded above
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, api.UnreadableBody(err)
	}
	return body, nil
}
