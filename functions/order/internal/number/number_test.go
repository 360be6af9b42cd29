package number

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestNew(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile(`^S-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`)
	seen := map[string]bool{}
	for range 1000 {
		stored := New()
		if seen[stored] || !shown.MatchString(Format(stored)) {
			t.Fatalf("%s is shown as %q, and was returned before: %t", stored, Format(stored), seen[stored])
		}
		if parsed, ok := Parse(Format(stored)); !ok || parsed != stored {
			t.Errorf("%s is parsed as %q", stored, parsed)
		}
		seen[stored] = true
	}
	if got := Format(""); got != "" {
		t.Errorf("no number is shown as %q", got)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"S-7KQ4-2MXW": "7KQ42MXW", "s-7kq4-2mxw": "7KQ42MXW", "S-7KQ42MXW": "7KQ42MXW", "S-7KQ": "7KQ", "s-7kq4-": "7KQ4",
		"S-OIL0-OOOO": "01100000",
		"7KQ4-2MXW":   "", "S-7K": "", "S-": "", "S": "", "": "", "S-7KQ4-2MXWA": "", "S-7KQU": "", "S-7KQ4 2MXW": "", "S-7KÄ4": "", "T-SHIRT": "",
	} {
		if got, ok := Parse(text); ok != (want != "") || ok && got != want {
			t.Errorf("%q is parsed as %q, %t, want %q", text, got, ok, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		if stored, ok := Parse(text); ok && (len(stored) < minPrefix || len(stored) > Length) {
			t.Errorf("%q is parsed as %q", text, stored)
		}
	})
}
