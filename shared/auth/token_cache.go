package auth

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/go-jose/go-jose/v4/jwt"
)

// maxCachedTokens bounds a tokenCache, to about half a megabyte.
const maxCachedTokens = 1024

// cachingRules are tokenRules that check the signature of a token once. P is the type of the
// private claims.
//
// A cached token is found by the SHA-256 of all its bytes, signature included. Its claims are
// checked at every use, so it is not accepted for longer than an uncached one. When keys are
// fetched, all tokens are verified again, so that a withdrawn key verifies no cached token.
type cachingRules[P any] struct {
	tokenRules
	cache tokenCache[P]
}

// verify returns the claims of a token. Its errors are those of tokenRules.verify.
func (r *cachingRules[P]) verify(ctx context.Context, raw string) (jwt.Claims, P, error) {
	if len(raw) > maxTokenBytes {
		var none P
		_, err := r.parse(raw)
		return jwt.Claims{}, none, err
	}
	hash := sha256.Sum256([]byte(raw))
	fetch, fresh := r.keys.lastFetch()
	if known, found := r.cache.get(hash, fetch); found && fresh {
		return known.claims, known.private, r.checkClaims(known.claims)
	}
	var private P
	claims, err := r.tokenRules.verify(ctx, raw, &private)
	if err == nil {
		// If verify has fetched keys, the token is not found by them, and verified once more.
		r.cache.add(hash, verifiedToken[P]{claims: claims, private: private, fetch: fetch})
	}
	return claims, private, err
}

// verifiedToken has the claims of a token whose signature is valid.
type verifiedToken[P any] struct {
	claims  jwt.Claims
	private P
	fetch   uint64 // of the keys that verified it
}

// tokenCache has verified tokens by their hash. It is safe for concurrent use. The zero value is
// empty.
type tokenCache[P any] struct {
	mu sync.Mutex
	// recent and older have at most half of the entries each. Tokens that are used move to
	// recent; when that is full, it becomes older, whose tokens are dropped.
	recent, older map[[sha256.Size]byte]verifiedToken[P]
}

// get returns a token that the keys of a fetch have verified.
func (c *tokenCache[P]) get(hash [sha256.Size]byte, fetch uint64) (token verifiedToken[P], found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	token, found = c.recent[hash]
	if !found {
		if token, found = c.older[hash]; found {
			c.addLocked(hash, token)
		}
	}
	return token, found && token.fetch == fetch
}

func (c *tokenCache[P]) add(hash [sha256.Size]byte, token verifiedToken[P]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLocked(hash, token)
}

func (c *tokenCache[P]) addLocked(hash [sha256.Size]byte, token verifiedToken[P]) {
	if _, known := c.recent[hash]; !known && len(c.recent) >= maxCachedTokens/2 {
		c.older, c.recent = c.recent, nil
	}
	if c.recent == nil {
		c.recent = map[[sha256.Size]byte]verifiedToken[P]{}
	}
	c.recent[hash] = token
}

func (c *tokenCache[P]) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.recent) + len(c.older)
}
