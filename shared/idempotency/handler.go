package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"time"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/failure"
)

const (
	// HeaderKey is the request's header.
	HeaderKey = "Idempotency-Key"
	// HeaderReplayed is true in an answer that was given before.
	HeaderReplayed = "Idempotency-Replayed"
	// MaxKeyLength is the longest key, in bytes.
	MaxKeyLength = 255
	// bodyTimeout is how long a request's body may take to arrive.
	bodyTimeout = 10 * time.Second
)

// Operation is what the keys need to know of what they guard.
type Operation struct {
	// Name is part of a key's scope: one key at two operations is two keys.
	Name string
	// Required refuses requests without a key.
	Required bool
	// MaxBody is the longest body, in bytes.
	MaxBody int64
}

// Handler answers a request whose key was used before with the first answer, and
// lets others through to next. Who calls must be known by then: a key is its
// caller's own. The answers to keep are those of a request that was carried out,
// or that the state of things did not allow. A fault of the input, an answer that
// says when to come again (Retry-After) and a 5xx leave the key free.
//
// With a key, next runs to its end even when the client leaves: the answer will
// be asked for again.
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
		scope := hashOf(operation.Name, caller.UserID.String(), key)
		// A client that leaves right now must not leave a claim behind that nobody holds.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), claimTime)
		defer cancel()
		try, first, err := k.claim(ctx, caller.UserID, scope, hashOf(r.Method, r.URL.Path, r.URL.RawQuery, string(body)))
		switch {
		case err != nil:
			// Of this context, for it is the one that may have ended: nothing was begun.
			refusal(ctx, err).Write(w, r)
		case first != nil:
			w.Header().Set(HeaderReplayed, "true")
			first.write(w, r)
		default:
			r.Body = io.NopCloser(bytes.NewReader(body))
			try.run(w, r, next)
		}
	})
}

// run carries the request out and keeps its answer before the client sees it: an
// answer that was not kept has been seen by nobody.
func (a *attempt) run(w http.ResponseWriter, r *http.Request, next http.Handler) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), attemptTime)
	defer cancel()
	recorder := &recorder{ResponseWriter: w, answer: answer{header: http.Header{}}}
	defer a.settle(r, recorder) // also of a panic
	next.ServeHTTP(recorder, r.WithContext(database.WithGuard(ctx, a.guard)))
	recorder.done = true
}

// settle ends the attempt and sends its answer.
func (a *attempt) settle(r *http.Request, w *recorder) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), settleTime)
	defer cancel()
	end := a.giveUp
	if w.done && isFinal(w.answer) {
		end = func(ctx context.Context) error { return a.keep(ctx, w.answer) }
	}
	if err := end(ctx); err != nil {
		// What happened, happened: the client has its answer, only no second time.
		slog.ErrorContext(ctx, "the answer of an idempotency key was not kept", "error", err)
	}
	if w.done {
		w.write(w.ResponseWriter, r)
	}
}

// isFinal says whether to ask again would get the same answer.
func isFinal(a answer) bool {
	switch {
	case a.header.Get("Retry-After") != "":
		return false
	case a.status < http.StatusBadRequest:
		return true
	}
	switch a.status {
	case http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed:
		return true
	}
	return false
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

// hashOf hashes parts with their lengths, so that no two lists of parts are one.
func hashOf(parts ...string) hash {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part) //nolint:errcheck // a hash takes everything
	}
	return hash(h.Sum(nil))
}

// refusal says why a request is not carried out.
func refusal(ctx context.Context, err error) *api.Problem {
	switch {
	case errors.Is(err, errReused):
		return api.NewProblem(http.StatusUnprocessableEntity, "idempotency_key_reused",
			"This Idempotency-Key was sent with another request. Send each request with a key of its own.")
	case errors.Is(err, errInFlight):
		return api.NewProblem(http.StatusConflict, "idempotency_in_flight",
			"The first request with this Idempotency-Key has no answer yet. Send it again in a moment.").WithHeader("Retry-After", "1")
	case errors.Is(err, errAnswerLost):
		return api.NewProblem(http.StatusConflict, "idempotency_answer_lost",
			"The first request with this Idempotency-Key was carried out, but its answer is lost. Look at what it did, and do not send it again with another key.")
	default:
		return failure.Problem(ctx, err)
	}
}

// write sends the answer.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.status == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil && a.status != http.StatusNoContent {
		slog.DebugContext(r.Context(), "the client left before its answer", "error", err)
	}
}

// recorder keeps an answer back until it is whole.
type recorder struct {
	http.ResponseWriter
	answer
	done bool
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, b...)
	return len(b), nil
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
