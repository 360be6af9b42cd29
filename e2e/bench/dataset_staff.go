package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"souk/shared/emailaddress"
)

// staffSet is orders and accounts of a size, with everything by which staff finds them.
type staffSet struct{ size int }

const (
	// ordersOfBuyer is the number of orders of a customer.
	ordersOfBuyer = 20
	// Of a hundred orders, those up to confirmedOrders are confirmed, those up to cancelledOrders are
	// cancelled, one is pending, and the others are delivered.
	confirmedOrders = 3
	cancelledOrders = 8
	// firstNames and surnames are the numbers of different names.
	firstNames = 200
	surnames   = 5_000
)

func (d staffSet) buyer(row int) int { return row % max(d.size/ordersOfBuyer, 1) }

func (d staffSet) product(row, line int) int { return (row*31 + line) % d.size }

// words returns the words of the name of the first product of an order.
func (d staffSet) words(row int) []string {
	name, _ := wordsOf(d.product(row, 0))
	return name
}

// person returns the first name and the surname of a buyer.
func (d staffSet) person(row int) []string {
	buyer := d.buyer(row)
	return []string{"f" + word(buyer*7919%firstNames), "s" + word(buyer*104_729%surnames)}
}

func (d staffSet) email(row int) string {
	return fmt.Sprintf("%s.b%d@example.com", d.person(row)[1], d.buyer(row))
}

// number returns the stored number of an order. Multiplication by an odd number modulo a power of two is
// a bijection, so that it is unique.
func (d staffSet) number(row int) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	rest := uint64(row) * 0x9E3779B97F % (1 << 40)
	text := make([]byte, 8)
	for i := range text {
		text[i], rest = alphabet[rest%32], rest/32
	}
	slices.Reverse(text)
	return string(text)
}

// created returns when an order was placed: the time in its id.
func (d staffSet) created(row int) time.Time {
	return time.UnixMilli(1_700_000_000_000 + int64(row)).UTC()
}

// at returns the time of an order in a query.
func (d staffSet) at(row int) string { return d.created(row).Format("2006-01-02T15:04:05.000Z") }

func (d staffSet) status(row int) string {
	switch n := row % 100; {
	case n == 0:
		return "pending"
	case n < confirmedOrders:
		return "confirmed"
	case n < cancelledOrders:
		return "cancelled"
	}
	return "delivered"
}

func skuOf(product int) string { return fmt.Sprintf("w%07d", product) }

func (d staffSet) fillOrders(ctx context.Context, tx *sql.Tx, from, to int) error {
	var all, items, history, guests, words [][]any
	for row := from; row < to; row++ {
		id, user, created := numberedID("order", row), numberedID("user", d.buyer(row)), d.created(row)
		currency := "EUR"
		if row%20 == 0 {
			currency = "USD"
		}
		var mail, name any
		entries := map[string]bool{}
		for _, word := range d.person(row) {
			entries[word] = true
		}
		if row%4 == 0 {
			mailbox := emailaddress.ID(d.email(row))
			mail, name, user = d.email(row), strings.Join(d.person(row), " "), id
			guests = append(guests, []any{id[:], mailbox[:], created})
		}
		updated := created.Add(time.Duration(row*7919%d.size) * time.Millisecond)
		all = append(all, []any{id[:], d.number(row), user[:], d.status(row), 100 + row*7919%100_000, currency, 2, created, updated, mail, name})
		for line := range 2 {
			number := d.product(row, line)
			product := numberedID("product", number)
			named, _ := wordsOf(number)
			items = append(items, []any{id[:], line, product[:], skuOf(number), strings.Join(named, " "), 1299, 1})
			for _, word := range append(named, skuOf(number)) {
				entries[word] = false
			}
		}
		history = append(history, []any{id[:], 1, "pending", created, ""}, []any{id[:], 2, d.status(row), updated, ""})
		for word, personal := range entries {
			words = append(words, []any{word, id[:], personal})
		}
	}
	slices.SortFunc(words, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return insertTables(ctx, tx, []tableRows{
		{"orders (id, number, user_id, status, total_amount, total_currency, version, created_at, updated_at, email, contact_name)", all},
		{"order_item (order_id, line, product_id, sku, name, unit_price, quantity)", items},
		{"order_history (order_id, version, status, moved_at, reason)", history},
		{"guest_order (order_id, mailbox, placed_at)", guests},
		{"order_word (word, order_id, personal)", words},
	})
}

func (d staffSet) fillUsers(ctx context.Context, tx *sql.Tx, from, to int) error {
	var users, addresses, words [][]any
	for row := from; row < to; row++ {
		id, created := numberedID("user", row), d.created(row)
		person := []string{"f" + word(row*7919%firstNames), "s" + word(row*104_729%surnames)}
		email := fmt.Sprintf("%s.b%d@example.com", person[1], row)
		users = append(users, []any{id[:], email, email, "", 1, strings.Join(person, " "), 1, "customer", 1, created, created})
		address := numberedID("address", row)
		addresses = append(addresses, []any{address[:], id[:], strings.Join(person, " "), "Line", "", "10115", "Berlin", "DE", 1, created, created})
		for _, word := range person {
			words = append(words, []any{word, id[:]})
		}
	}
	slices.SortFunc(words, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return insertTables(ctx, tx, []tableRows{
		{"user (id, email, email_key, password_hash, password_version, name, words_version, role, version, created_at, updated_at)", users},
		{"address (id, user_id, name, line1, line2, postal_code, city, country, version, created_at, updated_at)", addresses},
		{"user_word (word, user_id)", words},
	})
}

// tableRows are rows of a table.
type tableRows struct {
	target string
	rows   [][]any
}

func insertTables(ctx context.Context, tx *sql.Tx, tables []tableRows) error {
	for _, table := range tables {
		if len(table.rows) == 0 {
			continue
		}
		if err := insertAll(ctx, tx, table.target, table.rows); err != nil {
			return err
		}
	}
	return nil
}
