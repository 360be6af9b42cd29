package product

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

// writeWords updates the words of products that the transaction has written. It skips
// products whose words have not changed.
func writeWords(ctx context.Context, tx *database.Tx, products ...Product) error {
	for batch := range slices.Chunk(products, wordsBatch) {
		stored, err := selectEntries(ctx, tx, batch)
		if err != nil {
			return fmt.Errorf("read words of %d products: %w", len(batch), err)
		}
		var stale []uuid.UUID
		var rows [][]any
		for i := range batch {
			p := &batch[i]
			old, entries := stored[p.ID], p.entries()
			if equalEntries(old, entries) {
				continue
			}
			if len(old) > 0 {
				stale = append(stale, p.ID)
			}
			for _, e := range entries {
				rows = append(rows, []any{e.word, e.inName, p.ID[:]})
			}
		}
		if err := deleteWords(ctx, tx, stale); err != nil {
			return fmt.Errorf("delete words of %d products: %w", len(stale), err)
		}
		if err := insertWords(ctx, tx, rows); err != nil {
			return err
		}
	}
	return nil
}

// equalEntries reports whether the stored entries are equal to the given ones.
func equalEntries(stored map[entry]bool, entries []entry) bool {
	missing := func(e entry) bool { return !stored[e] }
	return len(stored) == len(entries) && !slices.ContainsFunc(entries, missing)
}

// selectEntries returns the stored entries of products, by product id.
func selectEntries(ctx context.Context, q database.Queryer, products []Product) (map[uuid.UUID]map[entry]bool, error) {
	ids := make([]any, len(products))
	for i := range products {
		ids[i] = products[i].ID[:]
	}
	stored := map[uuid.UUID]map[entry]bool{}
	return stored, database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var e entry
		if err := row.Scan(&id, &e.word, &e.inName); err != nil {
			return err
		}
		if stored[id] == nil {
			stored[id] = map[entry]bool{}
		}
		stored[id][e] = true
		return nil
	}, `
		SELECT product_id, word, in_name
		FROM product_word FORCE INDEX (product_word_by_product)
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, ids...)
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

// insertWords inserts rows in the order of the primary key, so that the rows of a word
// are written to the same pages.
func insertWords(ctx context.Context, q database.Queryer, rows [][]any) error {
	slices.SortStableFunc(rows, func(a, b []any) int { return cmp.Compare(a[0].(string), b[0].(string)) })
	for batch := range slices.Chunk(rows, 1_000) {
		if err := database.InsertRows(ctx, q, `product_word (word, in_name, product_id)`, "", batch); err != nil {
			return fmt.Errorf("insert words: %w", err)
		}
	}
	return nil
}
