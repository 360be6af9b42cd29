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
	Newest          Order = "newest"
	PriceAscending  Order = "price"
	PriceDescending Order = "-price"
	ByName          Order = "name"
	Relevance       Order = "relevance"
)

// search is the filter and the order of a list of products. Page tokens are bound to it
// by its hash, which depends on the names of the fields.
type search struct {
	Words    []string // a product must have all of them; a Text without words finds nothing
	Text     string   // the text that Words were taken from
	Category string   // "" for all
	MinPrice int64
	MaxPrice int64
	InStock  bool
	Order    Order
}

// hash returns a hash that identifies the search in a page token.
func (f search) hash() (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("hash a search: %w", err)
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), nil
}

// position is the end of a page: the key of its last product in a search.
type position struct {
	Search    string    `json:"s"` // the search's hash
	ID        uuid.UUID `json:"id"`
	Price     int64     `json:"p,omitempty"`
	Name      string    `json:"n,omitempty"`
	OtherTier bool      `json:"r,omitempty"` // of a search by relevance: the product is in otherTier
}

// position returns the position of a product in the search.
func (f search) position(hit searchHit, hash string) position {
	p := position{Search: hash, ID: hit.ID}
	switch f.Order {
	case PriceAscending, PriceDescending:
		p.Price = hit.Price.Amount
	case ByName:
		p.Name = hit.Name
	case Relevance:
		p.OtherTier = hit.otherTier
	case Newest:
	}
	return p
}

// maxWords is the maximum number of words in a search. Each costs an index lookup for
// each product that has the words before it.
const maxWords = 8
