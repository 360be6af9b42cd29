package search

import (
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxWord is the number of characters to which a word is truncated. Words of products
// and of searches are truncated alike, so that a long word is still found.
const maxWord = 40

// MaxWords is the maximum number of words in a search. Each costs an index lookup for each
// product that has the words before it.
const MaxWords = 8

// Words returns the first MaxWords words of a text, for a query.
func Words(text string) []string {
	words := tokenize(text)
	return words[:min(len(words), MaxWords)]
}

// tokenize returns the distinct words of a text. Words are separated by characters that
// are neither letters nor digits. Variants of a word are normalized: "Bücher" is
// "bucher", "Cups" is "cup".
func tokenize(text string) []string {
	var words []string
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(fold(text), isSeparator) {
		if runes := []rune(word); len(runes) > maxWord {
			word = string(runes[:maxWord])
		}
		if word = singular(word); !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
	}
	return words
}

func isSeparator(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

// undecomposed replaces letters with a stroke and ligatures, which have no
// decomposition in Unicode.
var undecomposed = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe")

// fold removes case and accents from a text. It preserves marks that are vowels, as in
// Hindi.
func fold(text string) string {
	base := strings.Map(func(r rune) rune {
		if r >= '\u0300' && r <= '\u036f' {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	return norm.NFC.String(undecomposed.Replace(cases.Fold().String(base)))
}

// endings maps the endings of English plurals without their s to those of the singular:
// berries and berry, boxes and box.
var endings = [][2]string{{"ie", "y"}, {"xe", "x"}, {"che", "ch"}, {"she", "sh"}, {"sse", "ss"}}

// singular removes the ending of an English plural from a word. The result need not be a
// word: it only has to be equal for singular and plural, and rarely for other words.
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

// Document contains the texts by which a product is found. One without texts is not found.
type Document struct {
	ID   uuid.UUID
	Name string
	// Others are the texts besides the name.
	Others []string
}

// Entry is a row of product_word: a word of a product, in its name or in any text.
type Entry struct {
	Word   string
	InName bool
}

// Entries returns the distinct entries by which a product is found.
func (d *Document) Entries() []Entry {
	var all []Entry
	for _, word := range tokenize(d.Name) {
		all = append(all, Entry{word, true})
	}
	for _, word := range tokenize(strings.Join(append([]string{d.Name}, d.Others...), " ")) {
		all = append(all, Entry{word, false})
	}
	return slices.Clip(all)
}
