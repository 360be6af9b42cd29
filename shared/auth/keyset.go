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
	// keysFreshFor is how long a key set is trusted without asking again: the
	// longest that a key withdrawn by its owner still counts.
	keysFreshFor = 10 * time.Minute
	// keysUsableFor is how long known keys still count while the key server
	// cannot be reached: its outage must not become everybody's.
	keysUsableFor = 12 * time.Hour
	// fetchPause is the least time between two fetches. Anybody can send tokens
	// with key ids nobody has heard of; they must not become our requests.
	fetchPause = 5 * time.Second
	// retryPause is the same after a fetch that failed.
	retryPause = time.Second
	// fetchTimeout bounds one fetch, from dialling to the last byte.
	fetchTimeout = 3 * time.Second
	// maxKeySetBytes is far more than any key set needs; Google's is 2 KB.
	maxKeySetBytes = 1 << 20
)

// keySet keeps the public keys of a JWKS URL (RFC 7517). It fetches them when
// the first token asks for one, and never in the background: on Cloud Run there
// is no CPU outside a request.
type keySet struct {
	url       string
	algorithm jose.SignatureAlgorithm
	now       clock.Clock
	client    *http.Client

	fetching chan struct{} // holds one token: at most one fetch at a time

	mu      sync.RWMutex
	keys    map[string]jose.JSONWebKey // by key id
	fetched time.Time                  // when keys were fetched
	tried   time.Time                  // when a fetch was last tried
	failure error                      // what that try ended with
}

func newKeySet(url string, algorithm jose.SignatureAlgorithm, now clock.Clock) *keySet {
	return &keySet{
		url:       url,
		algorithm: algorithm,
		now:       now,
		client: &http.Client{
			// A fetch every ten minutes gains nothing from a kept connection.
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
			Timeout:   fetchTimeout,
		},
		fetching: make(chan struct{}, 1),
	}
}

// key returns the key of an id. The error is ErrInvalidToken when the key
// server does not know the id, ErrKeysUnavailable when it cannot be asked, or
// the context's.
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

// cached looks a key up: whether it is known well enough to be used, and
// whether it is fresh enough to be used without asking again.
func (s *keySet) cached(id string) (key jose.JSONWebKey, known, fresh bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, known = s.keys[id]
	age := s.now().Sub(s.fetched)
	return key, known && age < keysUsableFor, age < keysFreshFor
}

// refresh fetches the keys if that may help. A caller that knows its key
// already does not wait for another's fetch, the others do. The error is the
// context's alone; how the fetch went is in s.failure.
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

	if !s.mayFetch() { // also when whom we waited for has just fetched
		return nil
	}
	// A client that hangs up must not fail the fetch for all who wait for it;
	// the client's time-out bounds it.
	keys, err := s.fetch(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.failure = s.now(), err
	if err == nil {
		s.keys, s.fetched = keys, s.tried
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
	defer func() { _ = response.Body.Close() }() // only read from: nothing to lose
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

// parse reads a key set. As RFC 7517, section 5, asks, it passes over keys that
// are not understood, and over those that are not ours to use: without an id,
// not for signing, for another algorithm, not public.
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
