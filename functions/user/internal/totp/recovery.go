package totp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

const (
	// RecoveryCodes is the number of recovery codes of an account.
	RecoveryCodes = 10
	// recoveryBytes is the number of random bytes of a code: 80 bits, which cannot be guessed
	// from a hash either, so that a slow hash is not needed.
	recoveryBytes = 10
	// recoveryGroup is the number of characters between the hyphens of a code.
	recoveryGroup = 4
)

// alphabet is that of Crockford's base32 in lower case, without i, l, o and u.
var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewRecoveryCodes returns new recovery codes, such as 7k3m-9xq2-dh4w-0b8t.
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		var random [recoveryBytes]byte
		_, _ = rand.Read(random[:]) // never returns an error: it crashes the program instead
		text := alphabet.EncodeToString(random[:])
		var groups []string
		for at := 0; at < len(text); at += recoveryGroup {
			groups = append(groups, text[at:at+recoveryGroup])
		}
		codes[i] = strings.Join(groups, "-")
	}
	return codes
}

// similar replaces characters that the alphabet lacks, and that people read for others.
var similar = strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1")

// HashRecoveryCode returns the hash to store of a recovery code, whatever its case and
// separators.
func HashRecoveryCode(code string) [sha256.Size]byte {
	return sha256.Sum256([]byte("recovery code\x00" + similar.Replace(strings.ToLower(code))))
}
