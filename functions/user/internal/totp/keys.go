package totp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// minKey is the minimum length of a key in bytes.
const minKey = 32

// errUnsealed is the error for a secret that none of the keys opens.
var errUnsealed = errors.New("a TOTP secret was sealed with another key, for another account, or changed")

// Keys encrypt the secrets in the database with AES-256-GCM. The first key seals, all open.
type Keys struct{ ciphers []cipher.AEAD }

// ParseKeys returns the keys in a text: random texts of 32 bytes or more, separated by white
// space. Its error does not quote them.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	for i, key := range strings.Fields(text) {
		if len(key) < minKey {
			return Keys{}, fmt.Errorf("key %d has %d bytes, need %d or more, for example from: openssl rand -base64 %[3]d", i+1, len(key), minKey)
		}
		digest := sha256.Sum256([]byte("souk TOTP secrets\x00" + key))
		block, err := aes.NewCipher(digest[:])
		if err != nil {
			return Keys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return Keys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys.ciphers = append(keys.ciphers, aead)
	}
	if len(keys.ciphers) == 0 {
		return Keys{}, errors.New("need one or more random keys, separated by white space")
	}
	return keys, nil
}

// Seal encrypts the secret of a user. The result can be opened for this user only.
func (k Keys) Seal(user uuid.UUID, secret string) []byte {
	aead := k.ciphers[0]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	_, _ = rand.Read(nonce) // never returns an error: it crashes the program instead
	return aead.Seal(nonce, nonce, []byte(secret), user[:])
}

// Open decrypts a sealed secret of a user.
func (k Keys) Open(user uuid.UUID, sealed []byte) (string, error) {
	for _, aead := range k.ciphers {
		if len(sealed) < aead.NonceSize() {
			break
		}
		if secret, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], user[:]); err == nil {
			return string(secret), nil
		}
	}
	return "", errUnsealed
}
