package payment

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"souk/shared/api"
	"souk/shared/strictjson"
)

const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
	maxKey         = 255
	// maxBody bounds request bodies in bytes.
	maxBody = 16 << 10
)

// storedKey is an idempotency key with the request that used it. Its response is the payment
// after that request.
type storedKey struct {
	Key     string    `json:"key"`
	Request string    `json:"request"` // a hash
	At      time.Time `json:"at"`

	response *entry
}

// result is the response to a request.
type result struct {
	status   int
	body     any
	replayed bool
}

// writer returns the handler of an operation that needs an idempotency key.
func writer[In any](p *Provider, name string, status int, apply func(id string, in In, key *storedKey) (*entry, error)) http.Handler {
	return p.operation(name, func(w http.ResponseWriter, r *http.Request) (result, error) {
		var in In
		if err := decode(w, r, &in); err != nil {
			return result{}, err
		}
		key, err := newKey(r, name, in)
		if err != nil {
			return result{}, err
		}
		e, replayed, err := p.once(key, func() (*entry, error) { return apply(r.PathValue("id"), in, key) })
		if err != nil {
			return result{}, err
		}
		return result{status: status, body: p.view(e), replayed: replayed}, nil
	})
}

// newKey returns the idempotency key of a request.
func newKey(r *http.Request, name string, in any) (*storedKey, error) {
	key := r.Header.Get(keyHeader)
	if key == "" {
		return nil, api.Invalid("header."+keyHeader, api.FieldRequired, "is required")
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, api.Invalid("header."+keyHeader, api.FieldFormat, "must be 1 to %d visible ASCII characters", maxKey)
	}
	text, err := json.Marshal([]any{name, r.PathValue("id"), in})
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(text)
	return &storedKey{Key: key, Request: hex.EncodeToString(hash[:])}, nil
}

// once returns the stored response of a key, or that of apply.
func (p *Provider) once(key *storedKey, apply func() (*entry, error)) (e *entry, replayed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	key.At = p.now()
	p.expireKeys()
	if stored := p.keys[key.Key]; stored != nil {
		if stored.Request != key.Request {
			return nil, false, api.NewProblem(http.StatusUnprocessableEntity, "idempotency_key_reused",
				"The Idempotency-Key was used for another request. Use a new key for each request.")
		}
		return stored.response, true, nil
	}
	if len(p.keys) >= p.options.MaxKeys {
		return nil, false, api.NewProblem(http.StatusInsufficientStorage, "idempotency_keys_full",
			"The provider stores at most %d idempotency keys of 24 hours.", p.options.MaxKeys)
	}
	e, err = apply()
	return e, false, err
}

// expireKeys deletes the keys whose lifetime has ended. The caller must hold mu.
func (p *Provider) expireKeys() {
	for len(p.keyOrder) > 0 && p.now().Sub(p.keyOrder[0].At) >= keyLifetime {
		delete(p.keys, p.keyOrder[0].Key)
		p.keyOrder[0] = nil
		p.keyOrder = p.keyOrder[1:]
	}
}

// decode reads a JSON body; an empty one is an empty object.
func decode(w http.ResponseWriter, r *http.Request, target any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return api.UnreadableBody(err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "" && kind != "application/json" {
		return api.NewProblem(http.StatusUnsupportedMediaType, api.CodeMediaType, "The body must be application/json.")
	}
	err = strictjson.Unmarshal(body, "body", target)
	if field, ok := errors.AsType[api.FieldError](err); ok {
		return api.InvalidFields([]api.FieldError{field})
	}
	return err
}

// authenticate returns a 401 for a request without the API key.
func (p *Provider) authenticate(r *http.Request) error {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	hash := sha256.Sum256([]byte(key))
	if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(hash[:], p.apiKey[:]) == 1 {
		return nil
	}
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "Send the header Authorization: Bearer KEY with the API key.").
		WithHeader("WWW-Authenticate", "Bearer")
}
