package search

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTokenize(t *testing.T) {
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
		if got := strings.Join(tokenize(text), " "); got != want {
			t.Errorf("words of %q: %q, want %q", text, got, want)
		}
	}
}

// FuzzTokenize checks the properties of words on which the table and the search rely.
func FuzzTokenize(f *testing.F) {
	f.Add("Bücher, berries & ﬁne Straßen")
	f.Add(strings.Repeat("ΐ", 50))
	f.Fuzz(func(t *testing.T, text string) {
		words := tokenize(text)
		for i, word := range words {
			if n := utf8.RuneCountInString(word); n == 0 || n > maxWord || !utf8.ValidString(word) {
				t.Errorf("%q has the word %q of %d characters", text, word, n)
			}
			if slices.Contains(words[:i], word) {
				t.Errorf("%q has the word %q twice", text, word)
			}
		}
	})
}
