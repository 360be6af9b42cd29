package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/emulators/local"
	"souk/emulators/mysql"
	"souk/shared/database/migration"
)

// orderFloor sends the statements of an order, and does nothing else: 17 in 3 transactions, on
// the tables of the shop.
type orderFloor struct {
	orders, products *sql.DB
	ids              [][]byte
}

// openOrderFloor creates the databases of the floor.
func (b *bench) openOrderFloor(ctx context.Context, connections, products int) (f *orderFloor, err error) {
	f = &orderFloor{}
	for service, db := range map[string]**sql.DB{"order": &f.orders, "product": &f.products} {
		if *db, err = b.createDatabase(ctx, floor+"_"+service, service, connections); err != nil {
			return nil, err
		}
	}
	for i := range products {
		id := uuid.New()
		f.ids = append(f.ids, id[:])
		if _, err := f.products.ExecContext(ctx, `
			INSERT INTO product (id, sku, name, description, category, price_amount, price_currency,
				available, status, version, created_at, updated_at)
			VALUES (?, ?, 'Tea', 'Tea.', 'tea', 1299, 'EUR', 1000000000, 'active', 1, NOW(6), NOW(6))`,
			id[:], fmt.Sprintf("%s-%d", id, i)); err != nil {
			return nil, err
		}
		if _, err := f.orders.ExecContext(ctx, `
			INSERT INTO catalog (product_id, name, price_amount, price_currency, status, version)
			VALUES (?, 'Tea', 1299, 'EUR', 'active', 1)`, id[:]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// createDatabase creates or updates a database with the tables of a service.
func (b *bench) createDatabase(ctx context.Context, name, service string, connections int) (*sql.DB, error) {
	if _, err := mysql.CreateDatabase(ctx, b.server.AdminURL(), name); err != nil {
		return nil, err
	}
	sets, err := local.Migrations(service)
	if err != nil {
		return nil, err
	}
	db, _, err := b.open(name, connections)
	if err != nil {
		return nil, err
	}
	if err := migration.Apply(ctx, db, sets...); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (f *orderFloor) stop() error { return errors.Join(f.orders.Close(), f.products.Close()) }

// run orders in several loops for a duration, and returns the number of orders.
func (f *orderFloor) run(ctx context.Context, loops int, duration time.Duration) (orders int, err error) {
	until := time.Now().Add(duration)
	counts, errs := make([]int, loops), make([]error, loops)
	var working sync.WaitGroup
	for i := range loops {
		working.Go(func() {
			for time.Now().Before(until) && errs[i] == nil {
				errs[i] = f.order(ctx)
				counts[i]++
			}
		})
	}
	working.Wait()
	for _, count := range counts {
		orders += count
	}
	return orders, errors.Join(errs...)
}

type statement struct {
	query string
	args  []any
}

// transaction runs statements between BEGIN and COMMIT.
func transaction(ctx context.Context, db *sql.DB, statements ...statement) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s.query, err), tx.Rollback())
		}
	}
	return tx.Commit()
}

// order runs one order: placed, reserved, confirmed.
func (f *orderFloor) order(ctx context.Context) error {
	first := rand.IntN(len(f.ids))
	a, b := f.ids[first], f.ids[(first+1+rand.IntN(len(f.ids)-1))%len(f.ids)]
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	user, placed, reserved, confirmed := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	const event = `
		INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at)
		VALUES (?, 'order', ?, ?, ?, '', NOW(6), NOW(6))`
	payload := fmt.Sprintf(`{"orderId":%q,"userId":%q,"items":[{"quantity":1},{"quantity":1}]}`, id, user)
	if err := transaction(ctx, f.orders, // 6 statements
		statement{`SELECT product_id, name, price_amount, price_currency, status FROM catalog WHERE product_id IN (?, ?)`,
			[]any{a, b}},
		statement{`INSERT INTO orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at)
			VALUES (?, ?, 'pending', 2598, 'EUR', 1, NOW(6), NOW(6))`, []any{id[:], user[:]}},
		statement{`INSERT INTO order_item (order_id, line, product_id, name, unit_price, quantity)
			VALUES (?, 0, ?, 'Tea', 1299, 1), (?, 1, ?, 'Tea', 1299, 1)`,
			[]any{id[:], a, id[:], b}},
		statement{event, []any{placed[:], id.String(), "order-placed", payload}},
	); err != nil {
		return err
	}
	const take = `UPDATE product SET available = available - 1 WHERE id = ? AND available >= 1 AND status = 'active'`
	if err := transaction(ctx, f.products, // 6 statements
		statement{`INSERT INTO inbox (consumer, event_id, received_at) VALUES ('stock-reserve', ?, NOW(6))`, []any{placed[:]}},
		statement{take, []any{a}}, statement{take, []any{b}},
		statement{event, []any{reserved[:], id.String(), "stock-reserved", payload}},
	); err != nil {
		return err
	}
	return transaction(ctx, f.orders, // 5 statements
		statement{`INSERT INTO inbox (consumer, event_id, received_at) VALUES ('order-confirm', ?, NOW(6))`,
			[]any{reserved[:]}},
		statement{`UPDATE orders SET status = 'confirmed', version = 2, updated_at = NOW(6)
			WHERE id = ? AND status = 'pending'`, []any{id[:]}},
		statement{event, []any{confirmed[:], id.String(), "order-confirmed", payload}},
	)
}
