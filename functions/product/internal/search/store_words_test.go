package search

import (
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// requireWords fails the test unless the stored words of products, and their beginnings, are theirs.
func requireWords(t *testing.T, db *database.DB, products []item) {
	t.Helper()
	ids := make([]uuid.UUID, len(products))
	for i := range products {
		ids[i] = products[i].ID
	}
	stored, err := StoredEntries(t.Context(), db, ids)
	if err != nil {
		t.Fatal(err)
	}
	prefixes, err := StoredPrefixes(t.Context(), db, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range documents(products) {
		if !equalEntries(prefixes[d.ID], d.Prefixes()) {
			t.Errorf("the beginnings of the words of %+v are %v, want %v", products[i], prefixes[d.ID], d.Prefixes())
		}
		if !equalEntries(stored[d.ID], d.Entries()) {
			t.Errorf("the words of %+v are %v, want %v", products[i], stored[d.ID], d.Entries())
		}
	}
}

// TestWrite writes the words of products, and then those of other texts.
func TestWrite(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, migrations)
	products := randomProducts(wordsBatch + 10)
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	requireWords(t, db, products)
	products[0].Name, products[1].Description, products[2].SKU = "zebra", "", "zebra-2"
	mustWrite(t, db, products)
	requireWords(t, db, products)
}
