package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"souk/shared/config"
)

const (
	// keyBytes is the length of an endpoint's key. Standard Webhooks requires 24 to 64 bytes.
	keyBytes = 32
	// keyPrefix begins every key in the form in which a receiver gets it.
	keyPrefix = "whsec_"
	// minSealingKey is the minimum length of a key of WEBHOOK_SECRET_KEYS in bytes.
	minSealingKey = 32
	// sealingContext separates the keys that are derived from WEBHOOK_SECRET_KEYS from others.
	sealingContext = "souk webhook endpoint keys, version 1"
)

// sealingSettings are the settings of the functions that read or write keys of endpoints.
type sealingSettings struct {
	// Keys are random texts of 32 bytes or more, separated by white space. The first encrypts, all
	// decrypt. To rotate, put the new key first; the old one is needed until every endpoint's key
	// has been rotated.
	Keys config.Secret `env:"WEBHOOK_SECRET_KEYS"`
}

// sealer encrypts the keys of endpoints for the database. A dump of the database does not suffice to
// sign.
type sealer struct{ ciphers []cipher.AEAD }

func newSealer(s sealingSettings) (*sealer, error) {
	var sealed sealer
	for i, text := range strings.Fields(s.Keys.Reveal()) {
		if len(text) < minSealingKey {
			return nil, fmt.Errorf("WEBHOOK_SECRET_KEYS: key %d has %d bytes, need %d or more, for example from: openssl rand -base64 %[3]d", i+1, len(text), minSealingKey)
		}
		key, err := hkdf.Key(sha256.New, []byte(text), nil, sealingContext, 32)
		if err != nil {
			return nil, fmt.Errorf("derive key %d of WEBHOOK_SECRET_KEYS: %w", i+1, err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("use key %d of WEBHOOK_SECRET_KEYS: %w", i+1, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("use key %d of WEBHOOK_SECRET_KEYS: %w", i+1, err)
		}
		sealed.ciphers = append(sealed.ciphers, aead)
	}
	if len(sealed.ciphers) == 0 {
		return nil, errors.New("WEBHOOK_SECRET_KEYS must be set: one or more random keys, separated by white space")
	}
	return &sealed, nil
}

// seal encrypts the key of an endpoint. It can be decrypted for that endpoint only.
func (s *sealer) seal(endpoint uuid.UUID, key []byte) []byte {
	return s.ciphers[0].Seal(nil, nil, key, endpoint[:]) //nolint:gosec // G407: the cipher creates its own nonce
}

// open decrypts the key of an endpoint.
func (s *sealer) open(endpoint uuid.UUID, sealed []byte) ([]byte, error) {
	for _, aead := range s.ciphers {
		if key, err := aead.Open(nil, nil, sealed, endpoint[:]); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("decrypt the key of endpoint %s: no key of WEBHOOK_SECRET_KEYS fits", endpoint)
}

// newKey returns a new random key of an endpoint.
func newKey() []byte {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never returns an error: it crashes the program instead
	return key
}

// formatKey returns a key in the form in which a receiver gets it.
func formatKey(key []byte) string { return keyPrefix + base64.StdEncoding.EncodeToString(key) }
