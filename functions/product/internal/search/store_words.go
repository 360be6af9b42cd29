package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

// wordsBatch is the number of products whose words are stored at a time. A long
// description has two thousand words.
const wordsBatch = 50

// Write updates the words of products in the transaction that has written the products. It
// skips products whose words have not changed.
func Write(ctx context.Context, tx *database.Tx, documents ...Document) error {
	for batch := range slices.Chunk(documents, wordsBatch) {
		ids := make([]uuid.UUID, len(batch))
		for i := range batch {
			ids[i] = batch[i].ID
		}
		stored, err := StoredEntries(ctx, tx, ids)
		if err != nil {
			return fmt.Errorf("read words of %d products: %w", len(batch), err)
		}
		var stale []uuid.UUID
		var rows [][]any
		for i := range batch {
			d := &batch[i]
			old, entries := stored[d.ID], d.Entries()
			if equalEntries(old, entries) {
				continue
			}
			if len(old) > 0 {
				stale = append(stale, d.ID)
			}
			rows = appendRows(rows, d.ID, entries)
		}
		if err := deleteWords(ctx, tx, stale); err != nil {
			return fmt.Errorf("delete words of %d products: %w", len(stale), err)
		}
		if err := insertRows(ctx, tx, rows); err != nil {
			return err
		}
	}
	return nil
}

// Insert inserts the words of products that have none.
func Insert(ctx context.Context, tx *database.Tx, documents ...Document) error {
	var rows [][]any
	for i := range documents {
		rows = appendRows(rows, documents[i].ID, documents[i].Entries())
	}
	return insertRows(ctx, tx, rows)
}

func appendRows(rows [][]any, id uuid.UUID, entries []Entry) [][]any {
	for _, e := range entries {
		rows = append(rows, []any{e.Word, e.InName, id[:]})
	}
	return rows
}

// equalEntries reports whether the stored entries are equal to the given ones.
func equalEntries(stored map[Entry]bool, entries []Entry) bool {
	missing := func(e Entry) bool { return !stored[e] }
	return len(stored) == len(entries) && !slices.ContainsFunc(entries, missing)
}

// StoredEntries returns the stored entries of products, by product id.
func StoredEntries(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]map[Entry]bool, error) {
	stored := map[uuid.UUID]map[Entry]bool{}
	return stored, database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var e Entry
		if err := row.Scan(&id, &e.Word, &e.InName); err != nil {
			return err
		}
		if stored[id] == nil {
			stored[id] = map[Entry]bool{}
		}
		stored[id][e] = true
		return nil
	}, `
		SELECT product_id, word, in_name
		FROM product_word FORCE INDEX (product_word_by_product)
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
}

func deleteWords(ctx context.Context, q database.Queryer, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, `
		DELETE FROM product_word
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
	return err
}

// insertRows inserts rows in the order of the primary key, so that the rows of a word
// are written to the same pages.
func insertRows(ctx context.Context, q database.Queryer, rows [][]any) error {
	slices.SortStableFunc(rows, func(a, b []any) int { return cmp.Compare(a[0].(string), b[0].(string)) })
	for batch := range slices.Chunk(rows, 1_000) {
		if err := database.InsertRows(ctx, q, `product_word (word, in_name, product_id)`, "", batch); err != nil {
			return fmt.Errorf("insert words: %w", err)
		}
	}
	return nil
}
