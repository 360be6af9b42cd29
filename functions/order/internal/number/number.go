// Package number provides order numbers, which people read, write and say.
package number

import (
	"crypto/rand"
	"strings"
)

const (
	// alphabet is that of Crockford's Base32: without I, L, O and U, which are confused with other
	// characters or spell words.
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	// Length is the number of characters of a stored number. 40 random bits do not show how many
	// orders the shop has.
	Length = 8
	prefix = "S-"
	group  = Length / 2
)

// New returns a new random number, as it is stored.
func New() string {
	var text [Length]byte
	_, _ = rand.Read(text[:]) // never returns an error (crypto/rand)
	for i := range text {
		text[i] = alphabet[text[i]%byte(len(alphabet))] // 256 is a multiple of 32: no bias
	}
	return string(text[:])
}

// Format returns a stored number as it is shown, such as S-7KQ4-2MXW, and "" for "".
func Format(stored string) string {
	if stored == "" {
		return ""
	}
	return prefix + stored[:group] + "-" + stored[group:]
}

// minPrefix is the number of characters of the shortest beginning that Parse accepts. One of 32,768
// numbers begins with three given characters.
const minPrefix = 3

// Parse returns the stored form of a number, or of the beginning of one, as a person has written it:
// with the prefix S- in any case, with O for 0 and I or L for 1, and with hyphens anywhere. It reports
// whether the text is one.
func Parse(text string) (stored string, ok bool) {
	rest, found := strings.CutPrefix(strings.ToUpper(text), prefix)
	if !found {
		return "", false
	}
	rest = strings.NewReplacer("-", "", "O", "0", "I", "1", "L", "1").Replace(rest)
	for i := range len(rest) {
		if strings.IndexByte(alphabet, rest[i]) < 0 {
			return "", false
		}
	}
	return rest, len(rest) >= minPrefix && len(rest) <= Length
}
