// Package search finds products: by words, filters and in several orders, page by page. It
// owns the table product_word and reads the table product.
package search

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// The statuses of products. A search finds those of one.
const (
	OnSale   = "active"
	Archived = "archived"
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

// Query is the filter and the order of a list of products. Page tokens are bound to it by
// its hash, which depends on the names of the fields.
type Query struct {
	Words    []string // a product must have all of them; a Text without words finds nothing
	Prefix   string   `json:",omitempty"` // or in place of the last of the words a word that begins so
	Text     string   // the text that Words were taken from
	Category string   // "" for all
	MinPrice int64
	MaxPrice int64
	InStock  bool
	Order    Order
	Status   string `json:",omitempty"` // "" for OnSale
	LowStock bool   `json:",omitempty"`
}

func (f Query) status() string { return cmp.Or(f.Status, OnSale) }

// Hash returns a hash that identifies the query in a page token.
func (f Query) Hash() (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("hash a search: %w", err)
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), nil
}

// Position is the end of a page: the key of its last product in a search.
type Position struct {
	Search string    `json:"s"` // the query's hash
	ID     uuid.UUID `json:"id"`
	Price  int64     `json:"p,omitempty"`
	Name   string    `json:"n,omitempty"`
	Tier   int       `json:"r,omitempty"` // of a search by relevance
}

// Key contains the values by which products are ordered.
type Key struct {
	ID    uuid.UUID
	Price int64
	Name  string
}

// position returns the position of a product in the search.
func (f Query) position(key Key, tier int, hash string) Position {
	p := Position{Search: hash, ID: key.ID}
	switch f.Order {
	case PriceAscending, PriceDescending:
		p.Price = key.Price
	case ByName:
		p.Name = key.Name
	case Relevance:
		p.Tier = tier
	case Newest:
	}
	return p
}
