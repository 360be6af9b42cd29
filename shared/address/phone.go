package address

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
)

var (
	errPhone = errors.New("must be a phone number with country code, such as +49 30 12345678")

	// number matches a number of ITU-T E.164: a country code, which does not begin with
	// 0, and at most 15 digits in total. The shortest in use have 7.
	number = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

	trunkPrefix = regexp.MustCompile(`\(\s*0\s*\)`)
)

// Phone returns a phone number in the form of E.164: +493012345678. It removes visual
// separators (RFC 3966, section 5.1.1) and the invisible direction marks that address books
// add to a copied number. A trunk prefix in brackets, as in +44 (0) 20, is refused: it is
// not dialled from abroad.
func Phone(s string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) && !unicode.IsControl(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(".()/", r) {
			return -1
		}
		return r
	}, s)
	if !number.MatchString(digits) || trunkPrefix.MatchString(s) {
		return "", errPhone
	}
	return digits, nil
}
