package words

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"  \t-+*\"%_<>\x00\xff":        "",
		"Assam, 250 g":                 "assam 250 g",
		"TEA-ASSAM_250":                "tea assam 250",
		"tea TEA Tea's":                "tea s",
		"Bücher für Ærøskøbing, Łódź":  "bucher fur aeroskobing lodz",
		"straße STRASSE":               "strass",
		"ﬁne ①":                        "fine 1",
		"cups cup glass glasses":       "cup glass",
		"berries berry cookies cookie": "berry cooky",
		"boxes box watches watch":      "box watch",
		"gas teas":                     "gas tea",
		"हिन्दी":                       "हिन्दी",
		"お茶":                           "お茶",
		"한국":                           "한국",
	} {
		if got := strings.Join(Split(text), " "); got != want {
			t.Errorf("words of %q: %q, want %q", text, got, want)
		}
	}
}

// FuzzSplit checks the properties of words on which the table and the search rely.
func FuzzSplit(f *testing.F) {
	f.Add("Bücher, berries & ﬁne Straßen")
	f.Add(strings.Repeat("ΐ", 50))
	f.Fuzz(func(t *testing.T, text string) {
		all := Split(text)
		for i, word := range all {
			if n := utf8.RuneCountInString(word); n == 0 || n > MaxLength || !utf8.ValidString(word) {
				t.Errorf("%q has the word %q of %d characters", text, word, n)
			}
			if slices.Contains(all[:i], word) {
				t.Errorf("%q has the word %q twice", text, word)
			}
		}
	})
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "Amira  Haddad": "amira haddad", "a b c d e f g h i j": "a b c d e f g h"} {
		if got := strings.Join(Search(text), " "); got != want {
			t.Errorf("%q is a search for %q, want %q", text, got, want)
		}
	}
}
