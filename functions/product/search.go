package product

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Order is the order of a list of products.
type Order string

// The orders. Products that are equal by the key are ordered by id.
const (
	Newest    Order = "newest"
	Cheapest  Order = "price"
	Dearest   Order = "-price"
	Named     Order = "name"
	Relevance Order = "relevance"
)

// search is what a list of products is asked for. Page tokens are bound to it.
type search struct {
	Words    []string // each is in the product, or the beginning of a word of it
	Text     string   // what Words were made of
	Category string   // "" for every one
	MinPrice int64
	MaxPrice int64
	InStock  bool
	Order    Order
}

// hash tells searches apart in a page token.
func (f search) hash() (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("hash a search: %w", err)
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), nil
}

// position is where a page ends: at the key of its last product, in the search
// that the page belongs to.
type position struct {
	Search string    `json:"s"`
	ID     uuid.UUID `json:"id"`
	Price  int64     `json:"p,omitempty"`
	Name   string    `json:"n,omitempty"`
	Rank   int64     `json:"r,omitempty"`
}

func (f search) positionOf(hit found, hash string) position {
	at := position{Search: hash, ID: hit.ID}
	switch f.Order {
	case Cheapest, Dearest:
		at.Price = hit.Price.Amount
	case Named:
		at.Name = hit.Name
	case Relevance:
		at.Rank = hit.rank
	case Newest:
	}
	return at
}

// What InnoDB keeps of a text by default, in characters of a word:
// innodb_ft_min_token_size and innodb_ft_max_token_size. And the most words that
// are looked for: each costs a look into the index.
const (
	minWord  = 3
	maxWord  = 84
	maxWords = 8
)

// stopWords are what InnoDB keeps out of its index, without those that are too
// short for it anyway: INFORMATION_SCHEMA.INNODB_FT_DEFAULT_STOPWORD.
var stopWords = strings.Fields("about are com for from how that the this was what when where who will with und www")

// wordsOf returns what of a text the full-text index can be asked for. They are
// of letters and digits alone: nothing in them is an operator of its language.
func wordsOf(text string) []string {
	var words []string
	for _, word := range strings.FieldsFunc(strings.ToLower(text), isNoWord) {
		length := utf8.RuneCountInString(word)
		known := length >= minWord && length <= maxWord && !slices.Contains(stopWords, word)
		if known && len(words) < maxWords && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

func isNoWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '_'
}
