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

func TestTerms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "|",
		"%":                   "|",
		"assa":                "assa|assa",
		"Tea Cups":            "tea cup|cups",
		"tea teas":            "tea|",
		"teas tea":            "tea|",
		"Bü":                  "bu|bu",
		"a b c d e f g h":     "a b c d e f g h|h",
		"a b c d e f g h i":   "a b c d e f g h|",
		"a b c d e f g h a":   "a b c d e f g h|",
		"TEA-ASSAM-2":         "tea assam 2|2",
		"berries and berrie":  "berry and|",
		"tea\x00pot \x00\xff": "tea pot|pot",
	} {
		words, prefix := Terms(text)
		if got := strings.Join(words, " ") + "|" + prefix; got != want {
			t.Errorf("terms of %q: %q, want %q", text, got, want)
		}
	}
}

// TestPrefixes requires each product to be found by each beginning of each of its words: by a
// complete word or by a prefix, but not by both.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	d := Document{Name: "Bücher berries, teas", Labels: []string{"glasses", "TEA-ÆRØ_250"}, Others: []string{"Malty leaves"}}
	entries, prefixes := d.Entries(), d.Prefixes()
	for _, word := range split(d.Name + " " + strings.Join(d.Labels, " ")) {
		for i := range word {
			words, prefix := Terms(word[:i+1])
			isComplete := slices.Contains(entries, Entry{words[0], false})
			if hasPrefix := slices.Contains(prefixes, Entry{prefix, false}); hasPrefix == isComplete {
				t.Errorf("%q: is complete %t, has the prefix %t", word[:i+1], isComplete, hasPrefix)
			}
		}
	}
	if slices.ContainsFunc(prefixes, func(e Entry) bool { return strings.HasPrefix(e.Word, "mal") || e.Word == "leav" }) {
		t.Errorf("the beginnings of other texts are among %v", prefixes)
	}
}
