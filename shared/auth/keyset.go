package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"souk/shared/clock"
)

const (
	// keysFreshFor is how long a key set is used without fetching it again: the longest
	// time for which a withdrawn key is still accepted.
	keysFreshFor = 10 * time.Minute
	// keysUsableFor is how long known keys are used while the key server is
	// unreachable, so that its outage does not spread.
	keysUsableFor = 12 * time.Hour
	// fetchPause is the minimum time between two fetches. Any client can send tokens
	// with unknown key ids; they must not cause as many fetches.
	fetchPause = 5 * time.Second
	// retryPause is the same after a fetch that failed.
	retryPause = time.Second
	// fetchTimeout bounds one fetch, from dialling to the last byte.
	fetchTimeout = 3 * time.Second
	// maxKeySetBytes is well above the size of any key set; Google's is 2 KB.
	maxKeySetBytes = 1 << 20
)

// keySet caches the public keys of a JWKS URL (RFC 7517). It fetches them when a token
// needs one, and never in the background: on Cloud Run there is no CPU outside a
// request.
type keySet struct {
	url       string
	algorithm jose.SignatureAlgorithm
	now       clock.Clock
	client    *http.Client

	fetching chan struct{} // a semaphore of 1: at most one fetch at a time

	mu      sync.RWMutex
	keys    map[string]jose.JSONWebKey // by key id
	fetched time.Time                  // time of the last successful fetch
	fetches uint64                     // number of successful fetches
	tried   time.Time                  // time of the last fetch
	failure error                      // its error
}

func newKeySet(url string, algorithm jose.SignatureAlgorithm, now clock.Clock) *keySet {
	return &keySet{
		url:       url,
		algorithm: algorithm,
		now:       now,
		client: &http.Client{
			// A fetch every ten minutes gains nothing from keep-alive.
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
			Timeout:   fetchTimeout,
		},
		fetching: make(chan struct{}, 1),
	}
}

// key returns the key with an id. The error is ErrInvalidToken when the key server
// does not know the id, ErrKeysUnavailable when it cannot be reached, or the
// context's.
func (s *keySet) key(ctx context.Context, id string) (jose.JSONWebKey, error) {
	key, known, fresh := s.cached(id)
	if known && fresh {
		return key, nil
	}
	if err := s.refresh(ctx, known); err != nil {
		return jose.JSONWebKey{}, err
	}
	if key, known, _ = s.cached(id); known {
		return key, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.failure != nil {
		return jose.JSONWebKey{}, fmt.Errorf("%w: %w", ErrKeysUnavailable, s.failure)
	}
	return jose.JSONWebKey{}, fmt.Errorf("%w: unknown signing key", ErrInvalidToken)
}

// cached returns a cached key and reports whether it is known (not older than
// keysUsableFor) and fresh (usable without a fetch).
func (s *keySet) cached(id string) (key jose.JSONWebKey, known, fresh bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, known = s.keys[id]
	age := s.now().Sub(s.fetched)
	return key, known && age < keysUsableFor, age < keysFreshFor
}

// lastFetch returns the number of the fetch of the current keys, and reports whether they are
// fresh.
func (s *keySet) lastFetch() (number uint64, fresh bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	age := s.now().Sub(s.fetched)
	return s.fetches, s.fetches > 0 && age < keysFreshFor
}

// refresh fetches the keys unless they were fetched a moment ago. A caller that knows its
// key does not wait for another caller's fetch, the others do. It returns only the
// context's error; the fetch's is in s.failure.
func (s *keySet) refresh(ctx context.Context, known bool) error {
	select {
	case s.fetching <- struct{}{}:
	default:
		if known {
			return nil
		}
		select {
		case s.fetching <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("wait for signing keys: %w", ctx.Err())
		}
	}
	defer func() { <-s.fetching }()

	if !s.mayFetch() { // for example because another caller has just fetched
		return nil
	}
	// A caller that disconnects must not fail the fetch for the others that wait for
	// it; the HTTP client's timeout bounds it.
	keys, err := s.fetch(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.failure = s.now(), err
	if err == nil {
		s.keys, s.fetched = keys, s.tried
		s.fetches++
	}
	return nil
}

func (s *keySet) mayFetch() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	pause := fetchPause
	if s.failure != nil {
		pause = retryPause
	}
	since := s.now().Sub(s.tried)
	return since >= pause || since < 0 // the clock was set back
}

func (s *keySet) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch signing keys: %w", err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch signing keys: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read-only: nothing to flush
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch signing keys from %s: status %s", s.url, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes))
	if err != nil {
		return nil, fmt.Errorf("fetch signing keys from %s: %w", s.url, err)
	}
	keys, err := s.parse(body)
	if err != nil {
		return nil, fmt.Errorf("read signing keys from %s: %w", s.url, err)
	}
	return keys, nil
}

// parse parses a key set. It ignores keys that it does not understand, as RFC 7517,
// section 5, recommends, and keys that this package does not use: without an id, not
// for signing, for another algorithm, not public.
func (s *keySet) parse(body []byte) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	keys := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil {
			continue
		}
		forSigning := key.Use == "" || key.Use == "sig"
		ofAlgorithm := key.Algorithm == "" || key.Algorithm == string(s.algorithm)
		if key.KeyID != "" && forSigning && ofAlgorithm && key.IsPublic() {
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no usable %s key among %d", s.algorithm, len(set.Keys))
	}
	return keys, nil
}
