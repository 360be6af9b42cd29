package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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

// Terms returns the first MaxWords words of a text, for a query, and the last of them as it is
// written: it may be the beginning of a longer word. The prefix is empty if the last word of the
// text is not among the first or repeats another, and is therefore complete.
func Terms(text string) (words []string, prefix string) {
	words = tokenize(text)
	if len(words) == 0 {
		return nil, ""
	}
	if len(words) > MaxWords {
		return words[:MaxWords], ""
	}
	written := split(text)
	last := len(written) - 1
	isLast := func(word string) bool { return singular(word) == words[len(words)-1] }
	if !isLast(written[last]) || slices.ContainsFunc(written[:last], isLast) {
		return words, ""
	}
	return words, written[last]
}

// split returns the words of a text without case and accents, as they are written.
func split(text string) []string {
	words := strings.FieldsFunc(fold(text), isSeparator)
	for i, word := range words {
		if runes := []rune(word); len(runes) > maxWord {
			words[i] = string(runes[:maxWord])
		}
	}
	return words
}

// tokenize returns the distinct words of a text. Words are separated by characters that
// are neither letters nor digits. Variants of a word are normalized: "Bücher" is
// "bucher", "Cups" is "cup".
func tokenize(text string) []string {
	var words []string
	seen := map[string]bool{}
	for _, word := range split(text) {
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
	// Labels are short texts, of which words are also found by their beginnings, like those of the
	// name.
	Labels []string
	// Others are the texts that are found by complete words only. The beginnings of the words of a
	// long description would be ten times as many rows as all others.
	Others []string
}

// Entry is a row of product_word or product_prefix: a word of a product, or the beginning of one,
// in its name or in any text.
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
	for _, word := range tokenize(strings.Join(slices.Concat([]string{d.Name}, d.Labels, d.Others), " ")) {
		all = append(all, Entry{word, false})
	}
	return slices.Clip(all)
}

// Prefixes returns the distinct beginnings of words by which a product is found besides its
// complete words.
func (d *Document) Prefixes() []Entry {
	isComplete := map[string]bool{}
	for _, e := range d.Entries() {
		isComplete[e.Word] = true
	}
	var all []Entry
	add := func(text string, inName bool) {
		seen := map[string]bool{}
		for _, word := range split(text) {
			for begin, r := range word {
				prefix := word[:begin+utf8.RuneLen(r)]
				if !seen[prefix] && !isComplete[singular(prefix)] {
					seen[prefix] = true
					all = append(all, Entry{prefix, inName})
				}
			}
		}
	}
	add(d.Name, true)
	add(strings.Join(append([]string{d.Name}, d.Labels...), " "), false)
	return slices.Clip(all)
}
