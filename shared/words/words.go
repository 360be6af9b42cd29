// Package words splits texts into the words by which they are found: in the same form for all variants
// of case, accent and English plural, on every database server.
package words

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxLength is the number of characters to which a word is truncated. Words of texts and of searches
// are truncated alike, so that a long word is still found.
const MaxLength = 40

// MaxInSearch is the maximum number of words of a search. Each costs an index lookup for each row that
// has the words before it.
const MaxInSearch = 8

// Search returns the first MaxInSearch words of a text, for a search.
func Search(text string) []string {
	all := Split(text)
	return all[:min(len(all), MaxInSearch)]
}

// Split returns the distinct words of a text. Words are separated by characters that are neither
// letters nor digits. Variants of a word are normalized: "Bücher" is "bucher", "Cups" is "cup".
func Split(text string) []string {
	var all []string
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(fold(text), isSeparator) {
		if runes := []rune(word); len(runes) > MaxLength {
			word = string(runes[:MaxLength])
		}
		if word = singular(word); !seen[word] {
			seen[word] = true
			all = append(all, word)
		}
	}
	return all
}

func isSeparator(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

// undecomposed replaces letters with a stroke and ligatures, which have no decomposition in Unicode.
var undecomposed = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe")

// fold removes case and accents from a text. It preserves marks that are vowels, as in Hindi.
func fold(text string) string {
	base := strings.Map(func(r rune) rune {
		if r >= '\u0300' && r <= '\u036f' {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	return norm.NFC.String(undecomposed.Replace(cases.Fold().String(base)))
}

// endings maps the endings of English plurals without their s to those of the singular: berries and
// berry, boxes and box.
var endings = [][2]string{{"ie", "y"}, {"xe", "x"}, {"che", "ch"}, {"she", "sh"}, {"sse", "ss"}}

// singular removes the ending of an English plural from a word. The result need not be a word: it only
// has to be equal for singular and plural, and rarely for other words.
func singular(word string) string {
	if len(word) < 4 {
		return word
	}
	if !strings.HasSuffix(word, "ss") {
		word = strings.TrimSuffix(word, "s")
	}
	for _, ending := range endings {
		if stem, found := strings.CutSuffix(word, ending[0]); found {
			return stem + ending[1]
		}
	}
	return word
}
