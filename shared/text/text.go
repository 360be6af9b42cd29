// Package text normalizes text that enters the shop, by two rules: for one line and for a
// block of several lines. Every input (JSON, CSV, NDJSON, query strings) applies one of
// them, so that the same text is stored in the same form.
package text

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of Line and Multiline. Their texts are for API users.
var (
	// ErrEncoding is returned for bytes that are not UTF-8.
	ErrEncoding = errors.New("must be UTF-8 text")
	// ErrControl is returned for a control character that the rule does not allow.
	ErrControl = errors.New("must not contain control characters")
	// ErrBlank is returned for text without a visible character.
	ErrBlank = errors.New("must not be blank")
)

// Line returns single-line text without surrounding white space. Text that is not empty
// must have a visible character. The error is ErrEncoding, ErrControl or ErrBlank.
func Line(s string) (string, error) {
	return clean(s, unicode.IsControl)
}

// Multiline returns text of several lines without surrounding white space, its lines
// separated by LF: CRLF and CR become LF. The allowed control characters are LF and TAB.
// Its errors are those of Line.
func Multiline(s string) (string, error) {
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

// isSeparator adds Unicode's line and paragraph separators to forbidden: they break lines
// as LF does and have no other use.
func isSeparator(forbidden func(rune) bool) func(rune) bool {
	return func(r rune) bool { return r == '\u2028' || r == '\u2029' || forbidden(r) }
}

// isVisible reports whether r is visible: white space, formatting characters (such as the
// zero-width space) and unassigned characters are not.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != '\u2800' && r != '\u3164' && r != '\u115f' && r != '\u1160' && r != '\uffa0'
}
