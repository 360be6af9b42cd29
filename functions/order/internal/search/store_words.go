package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/words"
)

// maxWords is the number of words by which an order is found. Those of 50 items with the longest names
// are more.
const maxWords = 400

// Document contains the texts by which an order is found.
type Document struct {
	ID uuid.UUID
	// Persons are the names of persons. Their words are deleted with the order's personal data.
	Persons []string
	// Products are the SKUs and names of the products.
	Products []string
}

// entry is a word of an order.
type entry struct {
	word     string
	personal bool
}

// entries returns the distinct words of a document. A word that is in the texts of a product, too, is
// not personal.
func (d *Document) entries() []entry {
	products := words.Split(strings.Join(d.Products, " "))
	var all []entry
	for _, word := range words.Split(strings.Join(d.Persons, " ")) {
		if !slices.Contains(products, word) {
			all = append(all, entry{word, true})
		}
	}
	for _, word := range products {
		all = append(all, entry{word, false})
	}
	return all[:min(len(all), maxWords)]
}

// Insert inserts the words of orders that have none, with one statement for thousands of words. The
// rows are in the order of the primary key, so that those of a word are written to the same pages.
func Insert(ctx context.Context, tx *database.Tx, documents ...Document) error {
	var rows [][]any
	for i := range documents {
		d := &documents[i]
		for _, e := range d.entries() {
			rows = append(rows, []any{e.word, d.ID[:], e.personal})
		}
	}
	slices.SortStableFunc(rows, func(a, b []any) int { return cmp.Compare(a[0].(string), b[0].(string)) })
	for batch := range slices.Chunk(rows, 5_000) {
		if err := database.InsertRows(ctx, tx, `order_word (word, order_id, personal)`, "", batch); err != nil {
			return fmt.Errorf("insert words of %d orders: %w", len(documents), err)
		}
	}
	return nil
}
