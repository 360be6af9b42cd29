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
	// HeaderKey is the request's header.
	HeaderKey = "Idempotency-Key"
	// HeaderReplayed is true in a response that was sent before.
	HeaderReplayed = "Idempotency-Replayed"
	// MaxKeyLength is the longest key, in bytes.
	MaxKeyLength = 255
	// bodyTimeout is how long a request's body may take to arrive.
	bodyTimeout = 10 * time.Second
)

// Operation is what the keys need to know of an operation that takes them.
type Operation struct {
	// Name is part of a key's scope: one key at two operations is two keys.
	Name string
	// Required refuses requests without a key.
	Required bool
	// MaxBody is the longest body, in bytes.
	MaxBody int64
}

// Handler reads the key of a request, and has next handle the request with it: next
// must call Run of the context's Request. The caller must be known by then, for a
// key is scoped by its caller.
func (k *Keys) Handler(operation Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, problem := keyOf(r.Header, operation.Required)
		if problem != nil {
			problem.Write(w, r)
			return
		}
		caller, known := auth.PrincipalFrom(r.Context())
		if key == "" || !known {
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
			keys: k, caller: caller.UserID,
			scope:   hashOf(operation.Name, caller.UserID.String(), key),
			payload: hashOf(r.Method, r.URL.Path, r.URL.RawQuery, string(body)),
		}
		request.serve(w, r, next)
	})
}

// serve sends the response of Run, and what next writes if there is none.
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
// key has precedence: a request that was carried out stays so when a rule of its
// input has changed since. It returns the problem of a key that was used with
// another payload.
func (r *Request) replay(ctx context.Context) *api.Problem {
	ctx, cancel := context.WithTimeout(ctx, maxInsert)
	defer cancel()
	stored, err := r.peek(ctx, r.keys.db)
	switch {
	case errors.Is(err, errReused):
		return problem(ctx, err)
	case errors.Is(err, errInFlight): // or there is no such key
	case err != nil:
		slog.WarnContext(ctx, "the idempotency key of an invalid request was not read", "error", err)
	default:
		r.response, r.replayed = stored, true
	}
	return nil
}

// keyOf returns the request's key, "" without one.
func keyOf(header http.Header, required bool) (string, *api.Problem) {
	keys := header.Values(HeaderKey)
	switch {
	case len(keys) == 0 && required:
		return "", api.Invalid("header."+HeaderKey, api.FieldRequired, "is required: send a new UUID, and the same one when you send this request again")
	case len(keys) == 0:
		return "", nil
	case len(keys) > 1:
		return "", api.Invalid("header."+HeaderKey, api.FieldDuplicate, "is there %d times", len(keys))
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
		defer func() { _ = connection.SetReadDeadline(time.Time{}) }() // it worked a moment ago
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, api.UnreadableBody(err)
	}
	return body, nil
}
