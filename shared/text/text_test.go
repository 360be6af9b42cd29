package text_test

import (
	"errors"
	"testing"

	"souk/shared/text"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{"does not change plain text", "Café “Zoë”, 250 g", "Café “Zoë”, 250 g", nil},
		{"trims", " \u00a0Assam\t ", "Assam", nil},
		{"allows the empty text", "", "", nil},
		{"allows a zero-width joiner between visible characters", "👩‍🍳", "👩‍🍳", nil},
		{"allows right-to-left text", "شاي", "شاي", nil},
		{"refuses bytes that are not UTF-8", "Caf\xe9", "", text.ErrEncoding},
		{"refuses NUL", "a\x00b", "", text.ErrControl},
		{"refuses a line feed", "a\nb", "", text.ErrControl},
		{"refuses a C1 control", "a\u0085b", "", text.ErrControl},
		{"refuses a line separator", "a\u2028b", "", text.ErrControl},
		{"refuses blanks", "  \t ", "", text.ErrBlank},
		{"refuses zero-width characters alone", "\u200b\u200d", "", text.ErrBlank},
		{"refuses a blank Braille pattern alone", "\u2800", "", text.ErrBlank},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, text.Line, c.in, c.want, c.err)
		})
	}
}

// TestInvisible requires that invisible characters within a line are refused, and around it removed,
// and that labels have none.
func TestInvisible(t *testing.T) {
	t.Parallel()
	misleading := []rune{'\u200b', '\u2060', '\ufeff', '\u061c', '\u200e', '\u200f', '\u202a', '\u202e', '\u2066', '\u2069'}
	for _, r := range misleading {
		check(t, text.Line, "a"+string(r)+"b", "", text.ErrInvisible)
		check(t, text.Label, "a"+string(r)+"b", "", text.ErrInvisible)
		check(t, text.Line, string(r)+" a"+string(r), "a", nil)
		check(t, text.Multiline, "a"+string(r)+"b", "a"+string(r)+"b", nil)
	}
	for _, r := range []rune{'\u200c', '\u200d', '\u00ad', '\u034f', '\u3164', '\u2800', '\U000e0020'} {
		check(t, text.Line, "a"+string(r)+"b", "a"+string(r)+"b", nil)
		check(t, text.Label, "a"+string(r)+"b", "", text.ErrInvisible)
	}
	for _, allowed := range []string{"می\u200cخواهم", "क्\u200dष", "👩\u200d🍳"} {
		check(t, text.Line, allowed, allowed, nil)
	}
	check(t, text.Label, "Zoë ❤️", "Zoë ❤️", nil)
}

func TestBlock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{"turns CRLF and CR into LF", "a\r\nb\rc\n", "a\nb\nc", nil},
		{"does not change tabs and empty lines", "a\tb\n\nc", "a\tb\n\nc", nil},
		{"refuses NUL", "a\x00b", "", text.ErrControl},
		{"refuses an escape sequence", "a\x1b[31mb", "", text.ErrControl},
		{"refuses blanks", "\r\n \t", "", text.ErrBlank},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, text.Multiline, c.in, c.want, c.err)
		})
	}
}

// FuzzText checks that both rules are idempotent.
func FuzzText(f *testing.F) {
	f.Add("a\r\n\tb")
	f.Fuzz(func(t *testing.T, s string) {
		for _, rule := range []func(string) (string, error){text.Line, text.Label, text.Multiline} {
			if once, err := rule(s); err == nil {
				check(t, rule, once, once, nil)
			}
		}
	})
}

func check(t *testing.T, rule func(string) (string, error), in, want string, wantErr error) {
	t.Helper()
	got, err := rule(in)
	if got != want || !errors.Is(err, wantErr) {
		t.Errorf("%q: got %q, %v; want %q, %v", in, got, err, want, wantErr)
	}
}
