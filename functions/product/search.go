package product

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

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
	Words    []string // each is in the product; none, though there is a Text, finds none
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
	Rest   bool      `json:"r,omitempty"` // of a search by relevance: past those with all words in the name
}

func (f search) positionOf(hit found, hash string) position {
	at := position{Search: hash, ID: hit.ID}
	switch f.Order {
	case Cheapest, Dearest:
		at.Price = hit.Price.Amount
	case Named:
		at.Name = hit.Name
	case Relevance:
		at.Rest = hit.rest
	case Newest:
	}
	return at
}

// maxWords is how many words of a text are looked for: each costs a look into the
// index for each product that has the ones before.
const maxWords = 8
