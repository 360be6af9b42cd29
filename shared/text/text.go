// Package text normalizes text that enters the shop, by three rules: for one line, for a label
// and for a block of several lines. Every input (JSON, CSV, NDJSON, query strings) applies one of
// them, so that the same text is stored in the same form.
package text

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of Line, Label and Multiline. Their texts are for API users.
var (
	// ErrEncoding is returned for bytes that are not UTF-8.
	ErrEncoding = errors.New("must be UTF-8 text")
	// ErrControl is returned for a control character that the rule does not allow.
	ErrControl = errors.New("must not contain control characters")
	// ErrInvisible is returned for an invisible character that the rule does not allow.
	ErrInvisible = errors.New("must not contain invisible characters, such as zero-width spaces and those that change the direction of text: delete the text and enter it anew")
	// ErrBlank is returned for text without a visible character.
	ErrBlank = errors.New("must not be blank")
)

// Line returns single-line text without surrounding white space and misleading characters, which
// copied text often has there. Text that is not empty must have a visible character. The error is
// ErrEncoding, ErrControl, ErrInvisible or ErrBlank.
func Line(s string) (string, error) {
	return line(s, isMisleading)
}

// Label is Line for text that is compared with others, such as tags. It allows no invisible character:
// two labels that look the same are the same.
func Label(s string) (string, error) {
	return line(s, isIgnorable)
}

func line(s string, invisible func(rune) bool) (string, error) {
	cleaned, err := clean(s, unicode.IsControl)
	if err != nil {
		return "", err
	}
	cleaned = strings.TrimFunc(cleaned, func(r rune) bool { return unicode.IsSpace(r) || isMisleading(r) })
	if strings.ContainsFunc(cleaned, invisible) {
		return "", ErrInvisible
	}
	return cleaned, nil
}

// isMisleading reports whether r is invisible and of no use in one line of any script: zero-width
// spaces and joiners of words, and characters that change the direction of text (Unicode Technical
// Report 36, section 3.5). The zero-width joiner and non-joiner are none of them: Persian,
// the scripts of India and emoji need them.
func isMisleading(r rune) bool {
	return r == '\u200b' || r == '\u2060' || r == '\ufeff' || unicode.Is(unicode.Bidi_Control, r)
}

// isIgnorable reports whether r is invisible: a formatting character or one without width.
func isIgnorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
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
