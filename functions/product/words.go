package product

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxWord is how many characters of a word count. What is longer is cut, here as
// there: a word that is looked for still finds itself.
const maxWord = 40

// wordsOf returns the words of a text, each once: what is between characters that
// are neither letters nor digits. Words that people take for the same are the same:
// "Bücher" is "bucher", "Cups" is "cup".
func wordsOf(text string) []string {
	var words []string
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(fold(text), isNoWord) {
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

func isNoWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

// undecomposed are letters with a stroke, and two in one, that Unicode does not
// take apart.
var undecomposed = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe")

// fold takes case and accents off a text. Marks of scripts whose vowels they are,
// as of Hindi, stay.
func fold(text string) string {
	bare := strings.Map(func(r rune) rune {
		if r >= '\u0300' && r <= '\u036f' {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	return norm.NFC.String(undecomposed.Replace(cases.Fold().String(bare)))
}

// endings are those of English words that differ once the s of the plural is off:
// berries and berry, boxes and box.
var endings = [][2]string{{"ie", "y"}, {"xe", "x"}, {"che", "ch"}, {"she", "sh"}, {"sse", "ss"}}

// singular takes the English plural off a word. It need not be a word then: what it
// makes of singular and plural need only be the same, and another word's but rarely.
func singular(word string) string {
	if len(word) < 4 {
		return word
	}
	if !strings.HasSuffix(word, "ss") {
		word = strings.TrimSuffix(word, "s")
	}
	for _, ending := range endings {
		if stem, has := strings.CutSuffix(word, ending[0]); has {
			return stem + ending[1]
		}
	}
	return word
}

// entry is a word of a product, in its name or anywhere.
type entry struct {
	word   string
	inName bool
}

// entries are what a product is found by, each once. One that is not sold is not
// found.
func (p *Product) entries() []entry {
	if p.Status != Active {
		return nil
	}
	var all []entry
	for _, word := range wordsOf(p.Name) {
		all = append(all, entry{word, true})
	}
	for _, word := range wordsOf(strings.Join([]string{p.Name, p.Category, p.SKU, p.Description}, " ")) {
		all = append(all, entry{word, false})
	}
	return slices.Clip(all)
}
