package user

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// secretHash is what is kept of a secret that a client holds: its SHA-256. The
// secret has 256 random bits, so there is nothing to guess that a slow hash would
// make slower.
type secretHash [sha256.Size]byte

// newSecret makes a secret to hand out, and what to keep of it.
func newSecret() (string, secretHash) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the program instead
	secret := base64.RawURLEncoding.EncodeToString(random[:])
	return secret, hashSecret(secret)
}

func hashSecret(secret string) secretHash { return sha256.Sum256([]byte(secret)) }
