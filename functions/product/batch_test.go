package product

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/batch/batchtest"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/money"
)

// batchFixture is a service with some products, and orders that were cancelled or decided before.
type batchFixture struct {
	*service
	random   *rand.Rand
	sources  []uuid.UUID
	products []uuid.UUID
	decided  []uuid.UUID // ids of orders
}

const (
	batchProducts = 3
	batchPrice    = 100
)

func openBatch(t *testing.T, seed uint64) *batchFixture {
	t.Helper()
	db := dbtest.New(t, append(function.Migrations(), Migrations)...)
	f := &batchFixture{random: rand.New(rand.NewPCG(seed, 0)), service: &service{Runtime: function.NewRuntime(function.Options{
		Manifest: functions.Manifest(), Service: "product", DB: db,
	})}}
	f.settings = settings{MaxUnpaidShare: 50, MinUnpaidUnits: 2}
	f.sources = []uuid.UUID{f.newID(), f.newID()}
	for i := range batchProducts {
		p := Product{
			ID: f.newID(), SKU: fmt.Sprint("P", i), Name: "Product", Category: "all", Status: Active,
			Price: money.Money{Amount: batchPrice, Currency: "EUR"}, Available: 2 + f.random.Int64N(6), Reserved: 20,
			Version: 1, CreatedAt: f.Now(), UpdatedAt: f.Now(),
		}
		if f.random.IntN(6) == 0 {
			p.Status = Archived
		}
		f.products = append(f.products, p.ID)
		f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error { return insertProducts(ctx, tx, p) })
	}
	for _, state := range []string{reserved, released, rejected} {
		id := f.newID()
		f.decided = append(f.decided, id)
		f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
			_, err := insertReservations(ctx, tx, []uuid.UUID{id}, state, f.Now())
			if err != nil || state != reserved {
				return err
			}
			items := []reservedItem{{id, f.item(0)}, {id, f.item(2)}}
			if err := insertUnpaidItems(ctx, tx, []unpaidItem{{f.sources[0], items[0]}, {f.sources[1], items[1]}}, f.Now()); err != nil {
				return err
			}
			return insertReservedItems(ctx, tx, items)
		})
	}
	return f
}

func (f *batchFixture) mustInTx(t *testing.T, run func(ctx context.Context, tx *database.Tx) error) {
	t.Helper()
	if err := f.DB.InTx(t.Context(), run); err != nil {
		t.Fatal(err)
	}
}

// newID returns an id that depends on the seed.
func (f *batchFixture) newID() uuid.UUID { return batchtest.NewID(f.random) }

// item returns an item of a product at its price, or sometimes at another price or of an unknown
// product.
func (f *batchFixture) item(product int) placedItem {
	item := placedItem{Quantity: 1 + f.random.Int64N(3), UnitPrice: money.Money{Amount: batchPrice, Currency: "EUR"}}
	item.ProductID = f.products[product]
	switch f.random.IntN(12) {
	case 0:
		item.UnitPrice.Amount++
	case 1:
		item.ProductID = f.newID()
	}
	return item
}

// message returns a message of one event.
func message[P any](payload P) function.Message[P] {
	return function.Message[P]{Event: event.Event{ID: uuid.New()}, Payload: payload, Context: context.Background()}
}

// state returns the stock, the reservations and the events that a transaction has changed.
func (f *batchFixture) state(ctx context.Context, tx *database.Tx) (any, error) {
	return batchtest.Rows(ctx, tx,
		`SELECT CONCAT_WS(' ', HEX(id), available, reserved) FROM product ORDER BY id`,
		`SELECT CONCAT_WS(' ', HEX(order_id), state) FROM reservation ORDER BY order_id`,
		`SELECT CONCAT_WS(' ', HEX(order_id), HEX(product_id), quantity, restocked, unshipped, unit_price, price_currency)
			FROM reservation_item ORDER BY order_id, product_id`,
		`SELECT CONCAT_WS(' ', HEX(order_id), HEX(product_id), HEX(source), quantity) FROM unpaid_item ORDER BY order_id, product_id, source`,
		`SELECT CONCAT_WS(' ', type, aggregateid, payload) FROM outbox ORDER BY aggregateid, type`)
}

// TestStockReserveInBatches checks that orders get the same stock in batches as one by one, in
// every order of arrival: orders that share products, orders for more than there is, old prices,
// archived and unknown products, repeated orders, orders that were decided before, and orders that must
// be paid, of sources that may not have as many units.
func TestStockReserveInBatches(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("with seed %d", seed), func(t *testing.T) {
			t.Parallel()
			f := openBatch(t, seed)
			var messages []function.Message[orderPlaced]
			for range 5 {
				order := orderPlaced{OrderID: f.newID()}
				switch f.random.IntN(6) {
				case 0:
					order.OrderID = f.decided[f.random.IntN(len(f.decided))]
				case 1:
					if len(messages) > 0 {
						order.OrderID = messages[0].Payload.OrderID
					}
				}
				for _, product := range f.random.Perm(batchProducts)[:1+f.random.IntN(batchProducts)] {
					order.Items = append(order.Items, f.item(product))
				}
				if f.random.IntN(3) > 0 {
					order.Payment, order.Sources = paymentRequired, f.sources[:1+f.random.IntN(2)]
				}
				messages = append(messages, message(order))
			}
			batchtest.CheckEquivalent(t, f.DB, func() []function.Message[orderPlaced] { return messages }, f.stockReserve,
				func(ctx context.Context, tx *database.Tx, _ []function.Message[orderPlaced]) (any, error) {
					return f.state(ctx, tx)
				})
		})
	}
}

// TestStockReleaseInBatches checks that cancellations release the same stock in batches as one by
// one, in every order of arrival.
func TestStockReleaseInBatches(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	again := f.newID()
	var messages []function.Message[orderCancelled]
	for _, id := range append(f.decided, again, again) {
		messages = append(messages, message(orderCancelled{OrderID: id, Payment: paymentRequired}))
	}
	batchtest.CheckEquivalent(t, f.DB, func() []function.Message[orderCancelled] { return messages }, f.stockRelease,
		func(ctx context.Context, tx *database.Tx, _ []function.Message[orderCancelled]) (any, error) {
			return f.state(ctx, tx)
		})
}

// TestStockRestockInBatches checks that refunds and returns restock the same units in batches as one by one, in
// every order of arrival, also more than are reserved.
func TestStockRestockInBatches(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	var messages []function.Message[restocking]
	for _, id := range append(f.decided, f.decided...) {
		line := restockedLine{ProductID: f.item(f.random.IntN(batchProducts)).ProductID, Quantity: 2, Restock: f.random.IntN(3) > 0}
		event := restocking{OrderID: id, Lines: []restockedLine{line}}
		if f.random.IntN(2) == 0 {
			event.ReturnID = f.newID()
		}
		messages = append(messages, message(event))
	}
	batchtest.CheckEquivalent(t, f.DB, func() []function.Message[restocking] { return messages }, f.stockRestock,
		func(ctx context.Context, tx *database.Tx, _ []function.Message[restocking]) (any, error) {
			return f.state(ctx, tx)
		})
}

// TestStockShipInBatches checks that shipments reduce what is reserved by the same units in batches as
// one by one, in every order of arrival, also by more than are reserved.
func TestStockShipInBatches(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	var messages []function.Message[shipmentCreated]
	for _, id := range append(f.decided, f.decided[0], f.decided[0], f.newID()) {
		var lines []shippedLine
		for product := range batchProducts {
			lines = append(lines, shippedLine{ProductID: f.products[product], Quantity: 1 + f.random.Int64N(2)})
		}
		messages = append(messages, message(shipmentCreated{OrderID: id, Shipment: &shipment{Lines: lines[:1+f.random.IntN(batchProducts)]}}))
	}
	batchtest.CheckEquivalent(t, f.DB, func() []function.Message[shipmentCreated] { return messages }, f.stockShip,
		func(ctx context.Context, tx *database.Tx, _ []function.Message[shipmentCreated]) (any, error) {
			return f.state(ctx, tx)
		})
}
