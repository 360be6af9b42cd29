package user

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// secretHash is the SHA-256 hash of a client's secret. Only the hash is stored. The
// secret has 256 random bits and cannot be guessed, so that a slow hash is not needed.
type secretHash [sha256.Size]byte

// newSecret returns a new secret for a client, and its hash to store.
func newSecret() (string, secretHash) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never returns an error: it crashes the program instead
	secret := base64.RawURLEncoding.EncodeToString(random[:])
	return secret, hashSecret(secret)
}

func hashSecret(secret string) secretHash { return sha256.Sum256([]byte(secret)) }
