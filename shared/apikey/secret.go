package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
)

// Kind is the kind of the shop that a key belongs to. It is the prefix of the key's secrets.
type Kind string

// The kinds.
const (
	Live Kind = "souk_live_"
	// Test is the kind of the keys of local systems.
	Test Kind = "souk_test_"
)

// Pattern is the regular expression of the form of secrets, for scanners of repositories and logs.
// A text of this form that is not a secret has a wrong checksum.
const Pattern = `souk_(live|test)_[0-9A-Za-z]{49}`

const (
	base         = 62
	prefixLength = len(Live)
	randomBytes  = 32
	// randomLength is the number of digits of randomBytes, checksumLength that of a CRC-32.
	randomLength   = 43
	checksumLength = 6
	// HintLength is the length of a hint: the prefix and the first four digits.
	HintLength = prefixLength + 4
)

// ErrMalformed is returned for a text that is not a secret. It does not quote the text.
var ErrMalformed = errors.New("malformed API key")

// Hash is the SHA-256 hash of a secret. A secret has 256 random bits and cannot be guessed, so that
// a slow hash is not needed.
type Hash [sha256.Size]byte

// Secret is a new secret. It does not print itself: see Reveal.
type Secret struct{ text string }

// NewSecret returns a new secret: the prefix, 256 random bits and the CRC-32 (IEEE) of what precedes
// it, both in base 62 (0-9, A-Z, a-z) with a fixed length.
func NewSecret(kind Kind) Secret {
	var random [randomBytes]byte
	_, _ = rand.Read(random[:]) // never returns an error: it crashes the program instead
	return newSecret(kind, random)
}

func newSecret(kind Kind, random [randomBytes]byte) Secret {
	text := string(kind) + encode(new(big.Int).SetBytes(random[:]), randomLength)
	return Secret{text + checksum(text)}
}

// Reveal returns the text of the secret, which the client sends as its bearer token.
func (s Secret) Reveal() string { return s.text }

// Hash returns what is stored of the secret.
func (s Secret) Hash() Hash { return sha256.Sum256([]byte(s.text)) }

// Hint returns the beginning of the secret, by which people recognize it.
func (s Secret) Hint() string { return s.text[:HintLength] }

// String implements fmt.Stringer, so that a secret is not logged by accident.
func (Secret) String() string { return "[secret]" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "[secret]" }

// IsSecret reports whether a token claims to be the secret of a key.
func IsSecret(token string) bool {
	return strings.HasPrefix(token, string(Live)) || strings.HasPrefix(token, string(Test))
}

// ParseSecret returns the hash of a secret. The error is ErrMalformed.
func ParseSecret(token string) (Hash, error) {
	const length = prefixLength + randomLength + checksumLength
	if !IsSecret(token) || len(token) != length {
		return Hash{}, fmt.Errorf("%w: %d characters", ErrMalformed, len(token))
	}
	text, sum := token[:length-checksumLength], token[length-checksumLength:]
	if strings.ContainsFunc(token[prefixLength:], isNoDigit) || checksum(text) != sum {
		return Hash{}, fmt.Errorf("%w: wrong checksum", ErrMalformed)
	}
	return sha256.Sum256([]byte(token)), nil
}

func isNoDigit(r rune) bool { return !strings.ContainsRune(digits, r) }

// digits are those of base 62.
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// checksum returns the CRC-32 of a text in base 62.
func checksum(text string) string {
	return encode(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), checksumLength)
}

// encode returns a number in base 62 with leading zeros.
func encode(n *big.Int, length int) string {
	text := make([]byte, length)
	n, digit, b := new(big.Int).Set(n), new(big.Int), big.NewInt(base)
	for i := range text {
		n.DivMod(n, b, digit)
		text[length-1-i] = digits[digit.Int64()]
	}
	return string(text)
}
