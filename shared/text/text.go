// Package text holds the two rules for text that comes into the shop: one line,
// and a block of several lines. Every way in (JSON, CSV, NDJSON, query strings)
// applies one of them, so that a name means the same wherever it was entered.
package text

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of Line and Block. Their texts are for API users.
var (
	// ErrEncoding reports bytes that are not UTF-8.
	ErrEncoding = errors.New("must be UTF-8 text")
	// ErrControl reports a control character that the rule does not allow.
	ErrControl = errors.New("must have no control characters")
	// ErrBlank reports text without a visible character.
	ErrBlank = errors.New("must not be blank")
)

// Line returns single-line text without surrounding white space. Text that is not
// empty must have a visible character. Errors: ErrEncoding, ErrControl, ErrBlank.
func Line(s string) (string, error) {
	return clean(s, unicode.IsControl)
}

// Block returns text of several lines without surrounding white space, its lines
// separated by LF: CRLF and CR become LF. Beside LF only TAB is allowed of the
// control characters. Errors: as Line.
func Block(s string) (string, error) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return clean(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

func clean(s string, forbidden func(rune) bool) (string, error) {
	if !utf8.ValidString(s) {
		return "", ErrEncoding
	}
	trimmed := strings.TrimSpace(s)
	if strings.ContainsFunc(trimmed, isSeparator(forbidden)) {
		return "", ErrControl
	}
	if s != "" && !strings.ContainsFunc(trimmed, isVisible) {
		return "", ErrBlank
	}
	return trimmed, nil
}

// isSeparator adds Unicode's line and paragraph separators to forbidden: they
// break lines as LF does, and nothing else uses them.
func isSeparator(forbidden func(rune) bool) func(rune) bool {
	return func(r rune) bool { return r == '\u2028' || r == '\u2029' || forbidden(r) }
}

// isVisible reports whether a reader sees something of r: white space, formatting
// characters (such as the zero-width space) and unassigned characters are not.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != '\u2800' && r != '\u3164' && r != '\u115f' && r != '\u1160' && r != '\uffa0'
}
