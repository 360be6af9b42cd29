package auth

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// isCached reports whether the next Verify of a token does not check its signature.
func isCached(v *Verifier, token string) bool {
	fetch, fresh := v.rules.keys.lastFetch()
	_, found := v.rules.cache.get(sha256.Sum256([]byte(token)), fetch)
	return found && fresh
}

// mustCache verifies a token until it is cached.
func mustCache(t *testing.T, v *Verifier, token string) {
	t.Helper()
	for range 2 { // the first fetches the keys
		if got, err := v.Verify(t.Context(), token); err != nil || got.UserID != testPrincipal.UserID {
			t.Fatalf("got %v, %v", got, err)
		}
	}
	if !isCached(v, token) {
		t.Fatal("a token that was verified twice is not cached")
	}
}

// TestCachedTokenIsRefused ends the validity of a cached token in every way.
func TestCachedTokenIsRefused(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, clock *testClock, server *keyServer){
		"when it expires": func(_ *testing.T, clock *testClock, _ *keyServer) {
			clock.Advance(time.Minute + leeway + time.Second)
		},
		"when it expires and the key server is unreachable": func(_ *testing.T, clock *testClock, server *keyServer) {
			server.Handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			clock.Advance(time.Minute + leeway + time.Second)
		},
		"when the clock is set back to before it was signed": func(_ *testing.T, clock *testClock, _ *keyServer) {
			clock.Advance(-leeway - time.Second)
		},
		"when its key was withdrawn": func(t *testing.T, clock *testClock, server *keyServer) {
			t.Helper()
			server.Publish(t, mustSigner(t, mustGenerateKey(t)).PublicKeys())
			clock.Advance(keysFreshFor)
		},
		"when its key was replaced by another with the same id": func(t *testing.T, clock *testClock, server *keyServer) {
			t.Helper()
			keys := mustSigner(t, mustGenerateKey(t)).PublicKeys()
			keys.Keys[0].KeyID = "first"
			server.Publish(t, keys)
			clock.Advance(keysFreshFor)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := mustECKey(t, mustGenerateKey(t))
			key.id = "first"
			server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
			clock := &testClock{}
			verifier := newTestVerifier(server.URL, clock)
			claims := with(accessTokenClaims(), map[string]any{"exp": testStart.Add(time.Minute).Unix()})
			token := mustMint(t, key, accessTokenType, claims)
			mustCache(t, verifier, token)
			end(t, clock, server)
			for range 2 {
				if got, err := verifier.Verify(t.Context(), token); !errors.Is(err, ErrInvalidToken) || got != (Principal{}) {
					t.Fatalf("got %v, %v; want ErrInvalidToken and no principal", got, err)
				}
			}
		})
	}
}

func TestCachedTokenIsVerifiedAgain(t *testing.T) {
	t.Parallel()
	key := mustGenerateKey(t)
	signer := mustSigner(t, key)
	server := newKeyServer(t, signer.PublicKeys())
	clock := &testClock{}
	verifier := newTestVerifier(server.URL, clock)
	token := mustSign(t, signer)
	mustCache(t, verifier, token)

	clock.Advance(keysFreshFor)
	if isCached(verifier, token) {
		t.Fatal("it is cached while the keys are not fresh")
	}
	mustCache(t, verifier, token)
	server.requireFetches(t, 2)

	// A token of an unknown key causes a fetch, which may have withdrawn the key.
	clock.Advance(fetchPause)
	stranger := mustSign(t, mustSigner(t, mustGenerateKey(t)))
	if _, err := verifier.Verify(t.Context(), stranger); !errors.Is(err, ErrInvalidToken) {
		t.Fatalf("a token of an unknown key: %v", err)
	}
	server.requireFetches(t, 3)
	if isCached(verifier, token) || isCached(verifier, stranger) {
		t.Fatal("a token is cached for keys that were fetched after it was verified")
	}
}

// TestCacheDistinguishesTokens changes each byte of a cached token.
func TestCacheDistinguishesTokens(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	verifier := newTestVerifier(newKeyServer(t, signer.PublicKeys()).URL, &testClock{})
	token := mustSign(t, signer)
	mustCache(t, verifier, token)
	for i := range token {
		if i == len(token)-1 || token[i+1] == '.' {
			continue // the last character of a part has bits that are not decoded
		}
		changed := []byte(token)
		changed[i] ^= 1
		if _, err := verifier.Verify(t.Context(), string(changed)); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("with another byte %d of %d: got %v, want ErrInvalidToken", i, len(token), err)
		}
	}
	for _, changed := range []string{token + "=", token + "A", token[:len(token)-1], strings.ToUpper(token), " " + token} {
		if _, err := verifier.Verify(t.Context(), changed); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("%q: got %v, want ErrInvalidToken", changed, err)
		}
	}
	if size := verifier.rules.cache.size(); size != 1 {
		t.Errorf("%d tokens are cached, want the valid one", size)
	}
}

func TestTokenCacheIsBounded(t *testing.T) {
	t.Parallel()
	var cache tokenCache[struct{}]
	hash := func(i int) [sha256.Size]byte { return sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)}) }
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 3 * maxCachedTokens {
				cache.add(hash(i*4+worker), verifiedToken[struct{}]{})
				cache.get(hash(i), 0)
				if size := cache.size(); size > maxCachedTokens {
					t.Errorf("%d tokens, want at most %d", size, maxCachedTokens)
				}
			}
		})
	}
	wg.Wait()

	used := hash(-1)
	cache.add(used, verifiedToken[struct{}]{})
	for i := range 3 * maxCachedTokens {
		cache.add(hash(i), verifiedToken[struct{}]{})
		if _, found := cache.get(used, 0); !found {
			t.Fatalf("a token that is used was dropped after %d others", i)
		}
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	signer := mustSigner(b, mustGenerateKey(b))
	verifier := newTestVerifier(newKeyServer(b, signer.PublicKeys()).URL, &testClock{})
	token := mustSign(b, signer)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
