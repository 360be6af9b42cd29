package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const (
	// fillBatch is the number of products or orders of one transaction.
	fillBatch = 1000
	// rowsPerInsert bounds the length of a statement.
	rowsPerInsert = 1000
	categories    = 25
	vocabulary    = 20_000
	// filledAt is the time of all rows.
	filledAt = "2024-01-01 00:00:00"
	// buyersOfSet is the number of customers who placed the orders of a data set. Each category
	// and each customer has more rows than a page, in the small data set, too.
	buyersOfSet = 20
)

// dataset is a catalogue and orders of a size, in databases that remain for the next run.
type dataset struct {
	size             int
	products, orders *sql.DB
	productURL       database.URL
	orderURL         database.URL
}

// openDataset creates a data set or what is missing of it.
func (b *bench) openDataset(ctx context.Context, size int) (d *dataset, err error) {
	name := fmt.Sprintf("set%d", size)
	d = &dataset{size: size}
	if d.products, err = b.createDatabase(ctx, name+"_product", "product", 2); err != nil {
		return nil, err
	}
	if d.orders, err = b.createDatabase(ctx, name+"_order", "order", 2); err != nil {
		return nil, err
	}
	for database, url := range map[string]*database.URL{name + "_product": &d.productURL, name + "_order": &d.orderURL} {
		db, of, err := b.open(database, 1)
		if err != nil {
			return nil, err
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
		*url = of
	}
	if err := b.fill(ctx, d.products, "product", size, fillProducts); err != nil {
		return nil, err
	}
	return d, b.fill(ctx, d.orders, "orders", size, fillOrders)
}

// insertRows inserts the rows with the numbers from one to before another.
type insertRows func(ctx context.Context, tx *sql.Tx, from, to int) error

// analyzed are the tables that are filled together, by the one that is counted.
var analyzed = map[string][]string{
	"product": {"product", "product_word", "product_prefix"},
	"orders":  {"orders", "order_item", "order_history", "order_word", "guest_order"},
	"user":    {"user", "address", "user_word"},
}

// fill adds rows to a table until it has size rows. Rows have numbers in the order of their
// insertion, and a batch is one transaction, so that it continues after an interruption.
func (b *bench) fill(ctx context.Context, db *sql.DB, table string, size int, insert insertRows) (err error) {
	var count int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&count); err != nil {
		return fmt.Errorf("count the rows of %s: %w", table, err)
	}
	if count >= size {
		return nil
	}
	connection, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	// The data set needs no binary log: it can be filled again.
	if _, err := connection.ExecContext(ctx, "SET SESSION sql_log_bin = 0"); err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	begin, first := time.Now(), count
	for count < size {
		next := min(count+fillBatch, size)
		tx, err := connection.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := insert(ctx, tx, count, next); err != nil {
			_ = tx.Rollback() // the error of the insert is returned
			return fmt.Errorf("fill %s from %d: %w", table, count, err)
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("fill %s from %d: %w", table, count, err)
		}
		count = next
		if count%(20*fillBatch) == 0 {
			b.progress("data set: %d of %d %s, %.0f rows/s", count, size, table, float64(count-first)/time.Since(begin).Seconds())
		}
	}
	for _, table := range analyzed[table] {
		if _, err := db.ExecContext(ctx, "ANALYZE TABLE "+table); err != nil {
			return fmt.Errorf("analyze %s: %w", table, err)
		}
	}
	return nil
}

// numberedID returns the id of a row with a number: a UUIDv7 of a time that grows with it.
func numberedID(kind string, number int) uuid.UUID {
	hash := fnv.New128a()
	fmt.Fprintf(hash, "%s %d", kind, number)
	var id uuid.UUID
	copy(id[:], hash.Sum(nil))
	const firstTime = 1_700_000_000_000 // milliseconds, in 2023
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(firstTime+number))
	copy(id[:6], stamp[2:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// word returns a word of the vocabulary. It is its own form in the index of words: lower case,
// and no plural.
func word(number int) string {
	const consonants, vowels = "bdfgklmnprtvz", "aou"
	text := []byte("w")
	for range 4 {
		text = append(text, vowels[number%3], consonants[number/3%13])
		number /= 39
	}
	return string(text)
}

// wordsOf returns the words of the name and of the description of a product. Few words are in
// many products, and many in few.
func wordsOf(number int) (name, description []string) {
	random := rand.New(rand.NewPCG(1, uint64(number)))
	frequency := rand.NewZipf(random, 1.1, 10, vocabulary-1)
	for len(name) < 3 {
		name = append(name, word(int(frequency.Uint64())))
	}
	for len(description) < 3 {
		description = append(description, word(int(frequency.Uint64())))
	}
	return name, description
}

func categoryOf(number int) string { return word(vocabulary + number%categories) }

func fillProducts(ctx context.Context, tx *sql.Tx, from, to int) error {
	var products, words, prefixes [][]any
	for number := from; number < to; number++ {
		id := numberedID("product", number)
		name, description := wordsOf(number)
		category, sku := categoryOf(number), fmt.Sprintf("w%07d", number)
		products = append(products, []any{
			id[:], sku, strings.Join(name, " "), strings.Join(description, " "), category, 100 + number*7919%100_000, "EUR",
			number % 10 * 100, "active", 1, filledAt, filledAt,
		})
		for _, entry := range unique(name) {
			words = append(words, []any{entry, true, id[:]})
		}
		complete := unique(slices.Concat(name, description, []string{category, sku}))
		for _, entry := range complete {
			words = append(words, []any{entry, false, id[:]})
		}
		for _, entry := range beginnings(name, complete) {
			prefixes = append(prefixes, []any{entry, true, id[:]})
		}
		for _, entry := range beginnings(slices.Concat(name, []string{category, sku}), complete) {
			prefixes = append(prefixes, []any{entry, false, id[:]})
		}
	}
	byWord := func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) }
	slices.SortFunc(words, byWord)
	slices.SortFunc(prefixes, byWord)
	err := insertAll(ctx, tx, `product (id, sku, name, description, category, price_amount, price_currency,
		available, status, version, created_at, updated_at)`, products)
	if err != nil {
		return err
	}
	if err := insertAll(ctx, tx, "product_word (word, in_name, product_id)", words); err != nil {
		return err
	}
	return insertAll(ctx, tx, "product_prefix (word, in_name, product_id)", prefixes)
}

// beginnings returns the beginnings of words that are no complete words of a product.
func beginnings(words, complete []string) (all []string) {
	for _, word := range words {
		for i := 1; i < len(word); i++ {
			if !slices.Contains(complete, word[:i]) {
				all = append(all, word[:i])
			}
		}
	}
	return unique(all)
}

func fillOrders(ctx context.Context, tx *sql.Tx, from, to int) error {
	var orders, items, history [][]any
	for number := from; number < to; number++ {
		id, user := numberedID("order", number), numberedID("user", number%buyersOfSet)
		orders = append(orders, []any{id[:], user[:], "confirmed", 2598, "EUR", 2, filledAt, filledAt})
		for line := range 2 {
			product := numberedID("product", (number*31+line)%max(to, 2))
			items = append(items, []any{id[:], line, product[:], "Tea", 1299, 1})
		}
		history = append(history,
			[]any{id[:], 1, "pending", filledAt, ""}, []any{id[:], 2, "confirmed", filledAt, ""})
	}
	for _, table := range []struct {
		target string
		rows   [][]any
	}{
		{"orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at)", orders},
		{"order_item (order_id, line, product_id, name, unit_price, quantity)", items},
		{"order_history (order_id, version, status, moved_at, reason)", history},
	} {
		if err := insertAll(ctx, tx, table.target, table.rows); err != nil {
			return err
		}
	}
	return nil
}

func unique(words []string) []string {
	sorted := slices.Sorted(slices.Values(words))
	return slices.Compact(sorted)
}

// insertAll inserts rows with statements of many rows.
func insertAll(ctx context.Context, tx *sql.Tx, target string, rows [][]any) error {
	for chunk := range slices.Chunk(rows, rowsPerInsert) {
		row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(chunk[0])), ", ") + ")"
		var args []any
		for _, row := range chunk {
			args = append(args, row...)
		}
		values := strings.TrimSuffix(strings.Repeat(row+", ", len(chunk)), ", ")
		statement := "INSERT INTO " + target + " VALUES " + values //nolint:gosec // constants
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}
