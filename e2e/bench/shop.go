package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
)

// setUpTimeout bounds the wait until new products can be ordered.
const setUpTimeout = time.Minute

// customersPerClient is the number of customers who take turns in a client. The limits of a customer
// are checked against the customer's open orders, of which a shop's customer has a few.
const customersPerClient = 8

// shop is a system with products and customers for orders.
type shop struct {
	*system
	tokens   []string
	products []string
}

// openShop starts the system of a side, with products, and with the customers of clients.
func (b *bench) openShop(ctx context.Context, s side, clients int) (*shop, error) {
	started, err := b.start(ctx, s)
	if err != nil {
		return nil, err
	}
	opened := &shop{system: started}
	err = opened.createCustomers(ctx, b, clients*customersPerClient)
	if err == nil {
		err = opened.createProducts(ctx, orderProducts, enough)
	}
	if err != nil {
		return nil, errors.Join(err, started.stop())
	}
	return opened, nil
}

// tokensOf returns the access tokens of a client's customers.
func (s *shop) tokensOf(client int) []string {
	begin := client * customersPerClient % len(s.tokens)
	return s.tokens[begin:min(begin+customersPerClient, len(s.tokens))]
}

// createCustomers creates accounts as copies of the customer of the system, which works for
// the tables of every commit, and signs a token of each.
func (s *shop) createCustomers(ctx context.Context, b *bench, count int) error {
	db, _, err := b.open(s.side.name+"_user", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	ids, err := copyAccounts(ctx, db, s.status.Customer.Email, count)
	if err != nil {
		return fmt.Errorf("create customers: %w", err)
	}
	for _, id := range ids {
		token, err := s.token(id, auth.Customer)
		if err != nil {
			return err
		}
		s.tokens = append(s.tokens, token)
	}
	return nil
}

// copyAccounts creates accounts with other ids and addresses, and otherwise the columns of one.
func copyAccounts(ctx context.Context, db *sql.DB, email string, count int) ([]uuid.UUID, error) {
	columns, err := columnsOf(ctx, db, "user")
	if err != nil {
		return nil, err
	}
	expressions := make([]string, len(columns))
	for i, column := range columns {
		expressions[i] = column
		switch column {
		case "id", "email", "email_key":
			expressions[i] = "?"
		}
	}
	//nolint:gosec // The columns are those of the table.
	statement := "INSERT INTO user (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(expressions, ", ") +
		" FROM user WHERE email_key = ?"
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	var ids []uuid.UUID
	for range count {
		id := uuid.New()
		values := map[string]any{"id": id[:], "email": bulkEmail(id), "email_key": bulkEmail(id)}
		var args []any
		for _, column := range columns {
			if value, own := values[column]; own {
				args = append(args, value)
			}
		}
		if _, err := tx.ExecContext(ctx, statement, append(args, email)...); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, tx.Commit()
}

func bulkEmail(id uuid.UUID) string { return id.String() + "@souk.test" }

// columnsOf returns the columns of a table that can be written.
func columnsOf(ctx context.Context, db *sql.DB, table string) (columns []string, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT column_name
		FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = ? AND extra NOT LIKE '%GENERATED%'
		ORDER BY ordinal_position`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return columns, rows.Err()
}

// createProducts creates products, and waits until they can be ordered.
func (s *shop) createProducts(ctx context.Context, count int, stock int64) error {
	admin, err := s.token(uuid.New(), auth.Owner)
	if err != nil {
		return err
	}
	w := &wire{address: s.address}
	for range count {
		sku := "BENCH-" + strings.ToUpper(uuid.NewString()[:13])
		body, err := json.Marshal(map[string]any{
			"sku": sku, "name": "Bench " + sku, "category": "bench", "stock": stock,
			"price": map[string]any{"amount": 1299, "currency": "EUR"},
		})
		if err != nil {
			return err
		}
		key := "Idempotency-Key: " + uuid.NewString()
		got, err := w.send(newRequest(http.MethodPost, "/v1/products", body, bearer(admin), key))
		if err != nil {
			return fmt.Errorf("create a product: %w", err)
		}
		var created struct{ ID string }
		if err := json.Unmarshal(got.body, &created); err != nil || got.status != http.StatusCreated {
			return fmt.Errorf("create a product: status %d: %.200s", got.status, got.body)
		}
		s.products = append(s.products, created.ID)
	}
	if err := w.close(); err != nil {
		return err
	}
	return s.awaitProducts(ctx)
}

// awaitProducts orders every product until the order is accepted: the order service receives
// new products with a delay.
func (s *shop) awaitProducts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	const perOrder = 50
	for begin := 0; begin < len(s.products); begin += perOrder {
		c := &client{wire: wire{address: s.address}, tokens: s.tokens[:1], deadline: ctx, reserved: s.side.payments}
		c.order(ctx, s.products[begin:min(begin+perOrder, len(s.products))])
		if err := c.close(); err != nil {
			return err
		}
		if c.tally.confirmed != 1 {
			return fmt.Errorf("order all products: %+v, last response: %s", c.tally, c.problem)
		}
	}
	return nil
}
