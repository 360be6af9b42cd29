package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestKeySetUnderAFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	server := newKeyServer(t, signer.PublicKeys())
	clock := &testClock{}
	verifier := newTestVerifier(server.URL, clock)
	flood := func() {
		var wg sync.WaitGroup
		for i := range 100 {
			stranger := mustECKey(t, mustGenerateKey(t))
			if i%2 == 0 { // a known key id, a wrong signature
				stranger.id = signer.PublicKeys().Keys[0].KeyID
			}
			token := mustMint(t, stranger, accessTokenType, accessTokenClaims())
			wg.Go(func() {
				if _, err := verifier.Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
					t.Errorf("got %v, want ErrInvalidToken", err)
				}
			})
		}
		wg.Wait()
	}
	flood()
	server.requireFetches(t, 1)
	clock.Advance(fetchPause - time.Millisecond)
	flood()
	server.requireFetches(t, 1)
	clock.Advance(time.Millisecond)
	flood()
	server.requireFetches(t, 2)
	if _, err := verifier.Verify(context.Background(), mustSign(t, signer)); err != nil {
		t.Fatalf("a good token after the flood: %v", err)
	}
	server.requireFetches(t, 2)
}

func TestKeySetRotation(t *testing.T) {
	t.Parallel()
	older, newer := mustGenerateKey(t), mustGenerateKey(t)
	before, after := mustSigner(t, older, newer), mustSigner(t, newer, older)
	clock := &testClock{}
	mustVerify := func(t *testing.T, v *Verifier, token string) {
		t.Helper()
		if _, err := v.Verify(context.Background(), token); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a key published before it signs costs no fetch", func(t *testing.T) {
		t.Parallel()
		server := newKeyServer(t, before.PublicKeys())
		verifier := newTestVerifier(server.URL, clock)
		mustVerify(t, verifier, mustSign(t, before))
		mustVerify(t, verifier, mustSign(t, after))
		server.requireFetches(t, 1)
	})
	t.Run("an unknown key is fetched", func(t *testing.T) {
		t.Parallel()
		clock := &testClock{}
		server := newKeyServer(t, mustSigner(t, older).PublicKeys())
		verifier := newTestVerifier(server.URL, clock)
		mustVerify(t, verifier, mustSign(t, before))
		server.Publish(t, after.PublicKeys())
		clock.Advance(fetchPause)
		mustVerify(t, verifier, mustSign(t, after))
		server.requireFetches(t, 2)
	})
	t.Run("a withdrawn key is accepted until the key set is stale", func(t *testing.T) {
		t.Parallel()
		clock := &testClock{}
		server := newKeyServer(t, before.PublicKeys())
		verifier := newTestVerifier(server.URL, clock)
		token := mustSign(t, before)
		mustVerify(t, verifier, token)
		server.Publish(t, mustSigner(t, newer).PublicKeys())
		clock.Advance(keysFreshFor)
		if _, err := verifier.Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
			t.Fatalf("got %v, want ErrInvalidToken", err)
		}
	})
}

func TestKeySetWhenTheKeyServerFails(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	for name, handler := range map[string]http.HandlerFunc{
		"with a status":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"with no JSON":          func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") },
		"with an empty key set": func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"keys":[]}`) },
		"with keys for other uses": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"keys":[{"kty":"oct","kid":"a","k":"YQ"},{"kty":"?"}]}`)
		},
		"by cutting the connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newKeyServer(t, signer.PublicKeys())
			server.Handle(handler)
			clock := &testClock{}
			verifier := newTestVerifier(server.URL, clock)
			token := mustSign(t, signer)
			for range 3 { // the second and third within the pause
				_, err := verifier.Verify(context.Background(), token)
				if !errors.Is(err, ErrKeysUnavailable) || errors.Is(err, ErrInvalidToken) {
					t.Fatalf("got %v, want ErrKeysUnavailable alone", err)
				}
			}
			server.requireFetches(t, 1)

			server.Publish(t, signer.PublicKeys())
			clock.Advance(retryPause)
			if _, err := verifier.Verify(context.Background(), token); err != nil {
				t.Fatalf("after it recovered: %v", err)
			}
		})
	}

	t.Run("known keys are used for a limited time", func(t *testing.T) {
		t.Parallel()
		server := newKeyServer(t, signer.PublicKeys())
		clock := &testClock{}
		keys := newKeySet(server.URL, jose.ES256, clock.Now)
		id := signer.PublicKeys().Keys[0].KeyID
		mustHave := func(want error) {
			t.Helper()
			if _, err := keys.key(context.Background(), id); !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
		mustHave(nil)
		server.Handle(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		clock.Advance(keysFreshFor)
		mustHave(nil)
		server.requireFetches(t, 2)
		clock.Advance(keysUsableFor - keysFreshFor - time.Nanosecond)
		mustHave(nil)
		clock.Advance(time.Nanosecond)
		mustHave(ErrKeysUnavailable)
	})
}

func TestKeySetWhenTheKeyServerHangs(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	token := mustSign(t, signer)

	t.Run("the fetch ends with a timeout", func(t *testing.T) {
		t.Parallel()
		server := newKeyServer(t, signer.PublicKeys())
		server.Handle(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		verifier := newTestVerifier(server.URL, &testClock{})
		verifier.rules.keys.client.Timeout = 20 * time.Millisecond
		if _, err := verifier.Verify(context.Background(), token); !errors.Is(err, ErrKeysUnavailable) {
			t.Fatalf("got %v, want ErrKeysUnavailable", err)
		}
	})

	t.Run("a waiting caller may cancel, and a caller that knows its key does not wait", func(t *testing.T) {
		t.Parallel()
		server := newKeyServer(t, signer.PublicKeys())
		clock := &testClock{}
		verifier := newTestVerifier(server.URL, clock)
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			t.Fatal(err)
		}
		clock.Advance(keysFreshFor)

		asked, release := make(chan struct{}), make(chan struct{})
		server.Handle(func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			<-release
			w.WriteHeader(http.StatusBadGateway)
		})
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(release)
		wg.Go(func() {
			if _, err := verifier.Verify(context.Background(), token); err != nil {
				t.Errorf("the caller that fetches: %v", err)
			}
		})
		<-asked
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			t.Fatalf("a caller that knows the key: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		stranger := mustMint(t, mustECKey(t, mustGenerateKey(t)), accessTokenType, accessTokenClaims())
		if _, err := verifier.Verify(ctx, stranger); !errors.Is(err, context.Canceled) {
			t.Fatalf("a caller that canceled: got %v, want context.Canceled", err)
		}
	})

	t.Run("a caller that cancels does not fail the fetch for the others", func(t *testing.T) {
		t.Parallel()
		server := newKeyServer(t, signer.PublicKeys())
		verifier := newTestVerifier(server.URL, &testClock{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = verifier.Verify(ctx, token) // its error does not matter
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			t.Fatal(err)
		}
		server.requireFetches(t, 1)
	})
}

func TestKeySetUsesOnlySigningKeys(t *testing.T) {
	t.Parallel()
	good := mustECKey(t, mustGenerateKey(t))
	usable := good.Public()
	nameless, encrypting, private := usable, usable, usable
	nameless.KeyID = ""
	encrypting.KeyID, encrypting.Use = "encrypting", "enc"
	private.KeyID, private.Key = "private", good.key
	foreign := mustRSAKey(t).Public()
	server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{nameless, encrypting, private, foreign, usable}})
	keys := newKeySet(server.URL, jose.ES256, (&testClock{}).Now)

	if _, err := keys.key(context.Background(), usable.KeyID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "encrypting", "private", foreign.KeyID} {
		if _, err := keys.key(context.Background(), id); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("key %q: got %v, want ErrInvalidToken", id, err)
		}
	}
}
