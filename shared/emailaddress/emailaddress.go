// Package emailaddress validates e-mail addresses: the shop accepts exactly those that it
// can send mail to. A registration with any other address could never be confirmed.
package emailaddress

import (
	"crypto/sha256"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Errors of Check. Their texts are for API users.
var (
	// ErrForm is returned for text that is not an e-mail address.
	ErrForm = errors.New("must be an e-mail address, such as ada@example.com")
	// ErrDomain is returned for a domain with non-ASCII characters. Browsers convert
	// domains to ASCII (RFC 5891, section 4.4).
	ErrDomain = errors.New("must have its domain in ASCII: xn--bcher-kva.example, not bücher.example")
)

// Bounds of RFC 5321, section 4.5.3.1, and its erratum 1690, in bytes.
const (
	maxAddress = 254
	maxLocal   = 64
	maxLabel   = 63
)

var (
	// local matches a Dot-string of RFC 5321, section 4.1.2: no dot at its ends, and no two
	// in a row. Quoted strings are refused, as in browsers:
	// https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
	local = regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

	// label matches a part of a host name (RFC 1123, section 2.1), and no part of an address
	// literal such as [192.0.2.1].
	label = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
)

// Check returns an error unless s is an e-mail address that the shop can send mail to.
// A domain without a dot is accepted, for networks with such hosts. White space around s
// is refused: see Normalize.
func Check(s string) error {
	at := strings.LastIndexByte(s, '@')
	if len(s) > maxAddress || at < 0 || at > maxLocal || !local.MatchString(s[:at]) {
		return ErrForm
	}
	host := s[at+1:]
	switch {
	case !isASCII(host) && utf8.ValidString(host) && !strings.ContainsAny(host, " \t\r\n"):
		return ErrDomain
	case !isHost(host):
		return ErrForm
	}
	return nil
}

// isHost reports whether s is a host name. The last label is not a number (RFC 3696,
// section 2): that would be an IP address.
func isHost(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if len(l) > maxLabel || !label.MatchString(l) {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// Normalize returns the address without surrounding white space, which is often copied
// with it.
func Normalize(s string) string { return strings.TrimSpace(s) }

// Fold returns the form in which addresses are compared: two addresses with the same form are
// one mailbox. RFC 5321 allows hosts to distinguish the case of the local part, but hardly any
// host does, and people do not remember the case that they entered.
func Fold(s string) string { return strings.ToLower(Normalize(s)) }

// namespace is that of the ids of addresses (RFC 9562, section 6.6).
var namespace = uuid.MustParse("6d3c43a4-0a51-4f0b-9b4c-0c8a5be5d2f7")

// ID returns an id of a mailbox: the same for all addresses with the same form of Fold. It is
// for services that must recognize an address that another service knows, without an event that
// contains it.
func ID(s string) uuid.UUID {
	const custom = 8 // the version of ids by other hashes than SHA-1 (RFC 9562, section 5.8)
	return uuid.NewHash(sha256.New(), namespace, []byte(Fold(s)), custom)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
