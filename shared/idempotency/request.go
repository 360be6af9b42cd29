package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/failure"
)

// hash is a SHA-256 digest.
type hash [32]byte

// Request is a request with an Idempotency-Key.
type Request struct {
	keys   *Keys
	caller uuid.UUID
	// scope identifies the key: operation, caller and key. payload identifies the
	// request.
	scope, payload hash
	size           int // of the body, in bytes
	ran            bool
	response       *Response // the response to send, nil to send what the handler writes
	replayed       bool
}

type requestKey struct{}

// FromContext returns the current request, or nil if it has no key.
func FromContext(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// ScopeFromContext returns the hash that identifies the current request's key (operation,
// caller and key) and reports whether the request has a key.
func ScopeFromContext(ctx context.Context) (scope [32]byte, keyed bool) {
	if r := FromContext(ctx); r != nil {
		return r.scope, true
	}
	return scope, false
}

// Run claims the key, runs effect and stores the response that it returns, in one
// transaction, which InTx may run several times. After the commit, this request and
// each retry get that response. Run reports whether the response is a replay: effect
// then did not run.
//
// An error of effect rolls everything back. The attempt continues when the client
// disconnects, because the client will retry the request.
func (r *Request) Run(ctx context.Context, effect func(ctx context.Context, tx *database.Tx) (Response, error)) (replayed bool, err error) {
	r.ran = true
	ctx, cancel := attempt(ctx)
	defer cancel()
	response, replayed, err := r.try(ctx, effect)
	if database.IsCommitUnknown(err) {
		// The key's row exists if the transaction was committed.
		response, replayed, err = r.try(ctx, effect)
	}
	if err != nil {
		return false, Problem(ctx, err)
	}
	r.response, r.replayed = response, replayed
	return replayed, nil
}

// try runs one transaction of Run.
func (r *Request) try(ctx context.Context, effect func(ctx context.Context, tx *database.Tx) (Response, error)) (response *Response, replayed bool, err error) {
	requests := []*Request{r}
	err = r.keys.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		claims, err := r.keys.Claim(ctx, tx, requests)
		if err = errors.Join(err, firstError(claims)); err != nil {
			return err
		}
		if response, replayed = claims[0].Response, claims[0].Response != nil; replayed {
			return nil
		}
		own, err := effect(ctx, tx)
		if err != nil {
			return err
		}
		response = &own
		return r.keys.Store(ctx, tx, requests, []Response{own})
	})
	return response, replayed, err
}

// StoreErrorResponse stores the response to a request whose effect was rolled back, if the
// response is storable. Otherwise the key stays unused. If another attempt has stored a
// response in the meantime, that response is sent.
func (r *Request) StoreErrorResponse(ctx context.Context, response Response) error {
	if !response.IsStorable() {
		return nil
	}
	_, err := r.Run(ctx, func(context.Context, *database.Tx) (Response, error) { return response, nil })
	return err
}

// SkipStoredResponse makes this request send what the handler writes instead of the stored
// response.
func (r *Request) SkipStoredResponse() { r.response = nil }

// attempt returns the context of an attempt: without the client's cancellation, but with
// its deadline.
func attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(attemptTimeout)
	if deadline, limited := ctx.Deadline(); limited && deadline.Before(end) {
		end = deadline
	}
	return context.WithDeadline(database.WithMaxAcquire(context.WithoutCancel(ctx), maxAcquire), end)
}

// Begin begins an attempt whose transaction is not that of Run, but one that claims the key with
// Keys.Claim and stores the response with Keys.Store. It returns the context of the attempt. It
// returns an error if another attempt with the key runs in this process, because the attempt
// could have to wait for that one's transaction; see Problem.
func (r *Request) Begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	r.ran = true
	if _, running := r.keys.running.LoadOrStore(r.scope, true); running {
		return nil, nil, errInFlight
	}
	ctx, cancel := attempt(ctx)
	return ctx, func() {
		cancel()
		r.keys.running.Delete(r.scope)
	}, nil
}

// Respond sets the response to send, after the commit.
func (r *Request) Respond(response *Response, replayed bool) {
	r.response, r.replayed = response, replayed
}

// Size returns the size of the request's body in bytes.
func (r *Request) Size() int { return r.size }

// peek reads a row that is locked by the first attempt, in which case it is not visible
// yet, or by a retry that reads the response.
func (r *Request) peek(ctx context.Context, q database.Queryer) (*Response, error) {
	found, err := selectRow(ctx, q, r.scope)
	if err != nil {
		return nil, err
	}
	if found == nil || found.replaceable(r.keys.now()) {
		return nil, errInFlight
	}
	return found.outcome(r.payload)
}

// Problem returns the problem for the error of an attempt.
func Problem(ctx context.Context, err error) *api.Problem {
	switch {
	case errors.Is(err, errReused):
		return api.NewProblem(http.StatusUnprocessableEntity, "idempotency_key_reused",
			"This Idempotency-Key was already used with a different request. Send a new key.")
	case errors.Is(err, errInFlight):
		return api.NewProblem(http.StatusConflict, "idempotency_in_flight",
			"Another request with this Idempotency-Key is in progress. Send it again after the seconds in Retry-After.").WithHeader("Retry-After", "1")
	case errors.Is(err, errTooMany):
		return api.TooManyRequests(keyLimit, 0, keyLimitReset)
	default:
		return failure.ProblemFromError(ctx, err)
	}
}

// keyLimit is the published form of the limit MaxPerCaller. After keyLimitReset the keys
// of an hour have expired.
var keyLimit = api.RateLimit{Name: "idempotency-keys", Quota: MaxPerCaller, Window: retention}

const keyLimitReset = time.Hour

// hashParts hashes parts with their lengths, so that different lists of parts have
// different inputs.
func hashParts(parts ...string) hash {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part) //nolint:errcheck // writing to a hash cannot fail
	}
	return hash(h.Sum(nil))
}
