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

// entryTable is a table of entries of products.
type entryTable struct {
	name, byProduct string // byProduct is its index of products
	entries         func(*Document) []Entry
}

// entryTables are the tables that a search reads besides product.
var entryTables = []entryTable{
	{`product_word`, `product_word_by_product`, (*Document).Entries},
	{`product_prefix`, `product_prefix_by_product`, (*Document).Prefixes},
}

// Write updates the words of products in the transaction that has written the products. It
// skips products whose words have not changed.
func Write(ctx context.Context, tx *database.Tx, documents ...Document) error {
	for batch := range slices.Chunk(documents, wordsBatch) {
		for _, table := range entryTables {
			if err := table.write(ctx, tx, batch); err != nil {
				return fmt.Errorf("write the entries of %d products from %s to %s: %w", len(batch), batch[0].ID, table.name, err)
			}
		}
	}
	return nil
}

// write updates the entries of products.
func (t entryTable) write(ctx context.Context, tx *database.Tx, batch []Document) error {
	ids := make([]uuid.UUID, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
	}
	existing, err := t.read(ctx, tx, ids)
	if err != nil {
		return err
	}
	var stale []uuid.UUID
	var rows [][]any
	for i := range batch {
		d := &batch[i]
		old, entries := existing[d.ID], t.entries(d)
		if equalEntries(old, entries) {
			continue
		}
		if len(old) > 0 {
			stale = append(stale, d.ID)
		}
		rows = appendRows(rows, d.ID, entries)
	}
	if err := t.delete(ctx, tx, stale); err != nil {
		return err
	}
	return t.insert(ctx, tx, rows)
}

// Insert inserts the words of products that have none.
func Insert(ctx context.Context, tx *database.Tx, documents ...Document) error {
	for _, table := range entryTables {
		var rows [][]any
		for i := range documents {
			rows = appendRows(rows, documents[i].ID, table.entries(&documents[i]))
		}
		if err := table.insert(ctx, tx, rows); err != nil {
			return fmt.Errorf("insert the entries of %d products into %s: %w", len(documents), table.name, err)
		}
	}
	return nil
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

// StoredEntries returns the stored words of products, by product id.
func StoredEntries(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]map[Entry]bool, error) {
	return entryTables[0].read(ctx, q, ids)
}

// StoredPrefixes returns the stored beginnings of words of products, by product id.
func StoredPrefixes(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]map[Entry]bool, error) {
	return entryTables[1].read(ctx, q, ids)
}

func (t entryTable) read(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]map[Entry]bool, error) {
	existing := map[uuid.UUID]map[Entry]bool{}
	return existing, database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var e Entry
		if err := row.Scan(&id, &e.Word, &e.InName); err != nil {
			return err
		}
		if existing[id] == nil {
			existing[id] = map[Entry]bool{}
		}
		existing[id][e] = true
		return nil
	}, `
		SELECT product_id, word, in_name
		FROM `+t.name+` FORCE INDEX (`+t.byProduct+`)
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
}

func (t entryTable) delete(ctx context.Context, q database.Queryer, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, `
		DELETE FROM `+t.name+`
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
	return err
}

// insert inserts rows in the order of the primary key, so that the rows of a word
// are written to the same pages.
func (t entryTable) insert(ctx context.Context, q database.Queryer, rows [][]any) error {
	slices.SortStableFunc(rows, func(a, b []any) int { return cmp.Compare(a[0].(string), b[0].(string)) })
	for batch := range slices.Chunk(rows, 1_000) {
		if err := database.InsertRows(ctx, q, t.name+` (word, in_name, product_id)`, "", batch); err != nil {
			return err
		}
	}
	return nil
}
