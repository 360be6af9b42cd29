package order

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/batch/batchtest"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/money"
	"souk/shared/pricing"
)

// batchFixture is a service with some products and customers, one of whose account was deleted.
type batchFixture struct {
	*service
	random    *rand.Rand
	products  []uuid.UUID
	customers []uuid.UUID
	placed    []*Order
	published *functiontest.Recorder
}

const batchProducts = 3

func openBatch(t *testing.T, seed uint64) *batchFixture {
	t.Helper()
	db := dbtest.New(t, append(function.Migrations(), Migrations)...)
	published := &functiontest.Recorder{}
	f := &batchFixture{published: published, random: rand.New(rand.NewPCG(seed, 0)), service: &service{
		Runtime:  function.NewRuntime(function.Options{Manifest: functions.Manifest(), Service: "order", DB: db, Publisher: published}),
		settings: settings{MaxOpenOrders: 3, MaxUnitsPerProduct: 4},
	}}
	for i := range batchProducts {
		e := catalogEntry{
			ProductID: f.newID(), Name: fmt.Sprint("Product ", i), Status: activeProduct, Version: 1,
			Price: money.Money{Amount: 100 + f.random.Int64N(100), Currency: "EUR"},
		}
		if f.random.IntN(4) == 0 {
			e.Status = "archived"
		}
		f.products = append(f.products, e.ProductID)
		f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error { return upsertCatalog(ctx, tx, []catalogEntry{e}) })
	}
	f.mustInTx(t, f.addDiscounts)
	f.customers = []uuid.UUID{f.newID(), f.newID(), f.newID()}
	f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockCustomers(ctx, tx, f.customers[1:2]); err != nil {
			return err
		}
		return markDeleted(ctx, tx, f.customers[1], f.Now())
	})
	return f
}

// addDiscounts creates an automatic discount and one with a code, both with few uses.
func (f *batchFixture) addDiscounts(ctx context.Context, tx *database.Tx) error {
	settings, err := lockShopSettings(ctx, tx, f.Now())
	if err != nil {
		return err
	}
	settings.Currency = "EUR"
	if err := updateShopSettings(ctx, tx, &settings); err != nil {
		return err
	}
	for _, rules := range []DiscountRules{
		{DiscountTerms: DiscountTerms{Rate: 50 * pricing.Percent, MaxUses: 1}},
		{Code: "TEN", DiscountTerms: DiscountTerms{Rate: 10 * pricing.Percent, MaxUses: 2, MaxUsesPerCustomer: 1}},
	} {
		rules.Name, rules.Kind = "Discount", pricing.PercentOff
		d := Discount{ID: f.newID(), DiscountRules: rules, Version: 1, CreatedAt: f.Now(), UpdatedAt: f.Now()}
		if err := insertDiscount(ctx, tx, &d); err != nil {
			return err
		}
	}
	return nil
}

func (f *batchFixture) mustInTx(t *testing.T, run func(ctx context.Context, tx *database.Tx) error) {
	t.Helper()
	if err := f.DB.InTx(t.Context(), run); err != nil {
		t.Fatal(err)
	}
}

// newID returns an id that depends on the seed.
func (f *batchFixture) newID() uuid.UUID { return batchtest.NewID(f.random) }

// input returns an order for some products, of which one may be unknown.
func (f *batchFixture) input() *placeInput {
	in := &placeInput{}
	for _, product := range f.random.Perm(batchProducts)[:1+f.random.IntN(batchProducts)] {
		in.Body.Items = append(in.Body.Items, placeItem{ProductID: f.products[product], Quantity: 1 + f.random.Int64N(3)})
	}
	if f.random.IntN(6) == 0 {
		in.Body.Items[0].ProductID = f.newID()
	}
	if f.random.IntN(2) == 0 {
		in.Body.DiscountCodes = []string{"ten"}
	}
	return in
}

// TestPlaceInBatches checks that orders are placed and refused in batches as one by one, in every
// order of arrival: limits of a customer that several orders share, the last use of a discount,
// products that are not for sale, and a deleted account. Ids are random, so that rows are compared without them.
func TestPlaceInBatches(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("with seed %d", seed), func(t *testing.T) {
			t.Parallel()
			f := openBatch(t, seed)
			type call struct {
				customer uuid.UUID
				in       *placeInput
			}
			var requests []call
			for range 5 {
				requests = append(requests, call{f.customers[f.random.IntN(len(f.customers))], f.input()})
			}
			newCalls := func() []*placeCall {
				var calls []*placeCall
				for _, r := range requests {
					ctx := auth.WithPrincipal(t.Context(), auth.Principal{UserID: r.customer, Role: auth.Customer})
					calls = append(calls, &placeCall{Context: ctx, In: r.in})
				}
				return calls
			}
			batchtest.CheckEquivalent(t, f.DB, newCalls, f.place, func(ctx context.Context, tx *database.Tx, calls []*placeCall) (any, error) {
				results := []string{}
				for _, c := range calls {
					out, err := c.Result()
					if problem, refused := errors.AsType[*api.Problem](err); refused {
						results = append(results, problem.Code+": "+problem.Detail)
					} else if err != nil {
						return nil, err
					} else {
						results = append(results, fmt.Sprint(out.Body.Total, len(out.Body.Items), out.Body.Status))
					}
				}
				rows, err := batchtest.Rows(ctx, tx,
					`SELECT CONCAT_WS(' ', HEX(user_id), status, total_amount, total_currency, version) AS row_text FROM orders ORDER BY row_text`,
					`SELECT CONCAT_WS(' ', HEX(o.user_id), o.total_amount, i.line, HEX(i.product_id), i.name, i.unit_price, i.quantity) AS row_text
						FROM orders o JOIN order_item i ON i.order_id = o.id ORDER BY row_text`,
					`SELECT CONCAT_WS(' ', version, status, actor, HEX(actor_id)) AS row_text FROM order_history ORDER BY row_text`,
					`SELECT CONCAT_WS(' ', type, CHAR_LENGTH(payload)) AS row_text FROM outbox ORDER BY row_text`,
					`SELECT HEX(user_id) FROM customer ORDER BY user_id`,
					`SELECT CONCAT_WS(' ', code_key, uses) AS row_text FROM discount ORDER BY row_text`,
					`SELECT CONCAT_WS(' ', HEX(discount_id), HEX(customer_id)) AS row_text FROM discount_use ORDER BY row_text`)
				return append(rows, results), err
			})
		})
	}
}

// mustPlace places orders and stores them with some statuses.
func (f *batchFixture) mustPlace(t *testing.T, statuses ...Status) {
	t.Helper()
	for _, status := range statuses {
		o := &Order{
			ID: f.newID(), UserID: f.customers[0], Status: status, Payment: NoPayment, Version: 2, CreatedAt: f.Now(), UpdatedAt: f.Now(),
			History: []HistoryEntry{{Status: status, At: f.Now(), Actor: System}}, Prices: Prices{Total: money.Money{Amount: 300, Currency: "EUR"}},
			Items: []Item{{ProductID: f.products[0], Name: "Product", UnitPrice: money.Money{Amount: 100, Currency: "EUR"}, Quantity: 3}},
		}
		f.placed = append(f.placed, o)
		f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
			return insertOrders(ctx, tx, []*placement{{order: o, context: ctx}})
		})
	}
}

// mustPlaceUnpaid places orders that must be paid and stores them with some statuses.
func (f *batchFixture) mustPlaceUnpaid(t *testing.T, statuses ...Status) []*Order {
	t.Helper()
	from := len(f.placed)
	f.mustPlace(t, statuses...)
	f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
		for _, o := range f.placed[from:] {
			o.Payment = PaymentRequired
			if _, err := tx.ExecContext(ctx, `UPDATE orders SET payment = ? WHERE id = ?`, o.Payment, o.ID[:]); err != nil {
				return err
			}
		}
		return nil
	})
	return f.placed[from:]
}

func newMessage[P any](eventType string, payload P) function.Message[P] {
	return function.Message[P]{Event: event.Event{ID: uuid.New(), Type: eventType}, Payload: payload, Context: context.Background()}
}

func (f *batchFixture) orderState(ctx context.Context, tx *database.Tx) (any, error) {
	return batchtest.Rows(ctx, tx,
		`SELECT CONCAT_WS(' ', HEX(id), status, version) FROM orders ORDER BY id`,
		`SELECT CONCAT_WS(' ', HEX(order_id), version, status, reason, actor) FROM order_history ORDER BY order_id, version`,
		`SELECT CONCAT_WS(' ', type, aggregateid, payload, attributes) FROM outbox ORDER BY aggregateid, type`)
}

// TestStatusChangesInBatches checks that order-confirm and order-reject change orders in batches as
// one by one, in every order of arrival: pending and decided orders, and repeated messages.
func TestStatusChangesInBatches(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	f.mustPlace(t, Pending, Pending, Confirmed, Cancelled)
	var reserved []function.Message[confirmation]
	var rejected []function.Message[stockRejected]
	for i, o := range append(f.placed, f.placed[0]) {
		reserved = append(reserved, newMessage(stockReserved, confirmation{OrderID: o.ID}))
		rejected = append(rejected, newMessage("stock-rejected", stockRejected{OrderID: o.ID, Reason: fmt.Sprint("reason ", i%4)}))
	}
	t.Run("orders are confirmed", func(t *testing.T) {
		t.Parallel()
		batchtest.CheckEquivalent(t, f.DB, func() []function.Message[confirmation] { return reserved }, f.confirm,
			func(ctx context.Context, tx *database.Tx, _ []function.Message[confirmation]) (any, error) {
				return f.orderState(ctx, tx)
			})
	})
	t.Run("orders are rejected", func(t *testing.T) {
		t.Parallel()
		batchtest.CheckEquivalent(t, f.DB, func() []function.Message[stockRejected] { return rejected }, f.reject,
			func(ctx context.Context, tx *database.Tx, _ []function.Message[stockRejected]) (any, error) {
				return f.orderState(ctx, tx)
			})
	})
}

// TestPaidOrdersInBatches checks that order-confirm and order-payment-failed change orders that must
// be paid in batches as one by one, in every order of arrival: reservations and authorizations that
// overtake each other, repeated messages, and orders without payment in the same batch.
func TestPaidOrdersInBatches(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	f.mustPlace(t, Pending)
	free := f.placed[0]
	unpaid := f.mustPlaceUnpaid(t, Pending, Pending, AwaitingPayment, Confirmed, Cancelled)
	confirm := func(eventType string, o *Order) function.Message[confirmation] {
		return newMessage(eventType, confirmation{OrderID: o.ID})
	}
	fail := func(reason string, o *Order) function.Message[paymentFailure] {
		return newMessage("payment-failed", paymentFailure{OrderID: o.ID, Reason: reason})
	}
	for name, messages := range map[string][]function.Message[confirmation]{
		"reservations and authorizations": {
			confirm(stockReserved, free), confirm(stockReserved, unpaid[0]), confirm(paymentAuthorized, unpaid[0]),
			confirm(stockReserved, unpaid[1]), confirm(paymentAuthorized, unpaid[2]),
		},
		"repeated and late messages": {
			confirm(paymentAuthorized, free), confirm(stockReserved, unpaid[0]), confirm(stockReserved, unpaid[0]),
			confirm(stockReserved, unpaid[3]), confirm(paymentAuthorized, unpaid[4]),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batchtest.CheckEquivalent(t, f.DB, func() []function.Message[confirmation] { return messages }, f.confirm,
				func(ctx context.Context, tx *database.Tx, _ []function.Message[confirmation]) (any, error) {
					return f.orderState(ctx, tx)
				})
		})
	}
	t.Run("orders whose payment failed are cancelled", func(t *testing.T) {
		t.Parallel()
		messages := []function.Message[paymentFailure]{
			fail("declined", free), fail("declined", unpaid[0]), fail("expired", unpaid[2]), fail("declined", unpaid[3]), fail("voided", unpaid[3]),
		}
		batchtest.CheckEquivalent(t, f.DB, func() []function.Message[paymentFailure] { return messages }, f.paymentFailed,
			func(ctx context.Context, tx *database.Tx, _ []function.Message[paymentFailure]) (any, error) {
				return f.orderState(ctx, tx)
			})
	})
}

// TestDecisionPoll checks that requests that wait for orders share polls, each until its own order
// is decided or its time is over.
func TestDecisionPoll(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	f.mustPlace(t, slices.Repeat([]Status{Pending}, 9)...)
	last := f.placed[8]
	poll := newDecisionPoll(f.DB)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for _, o := range append(f.placed, f.placed...) {
		all.Go(func() {
			decided, err := poll.wait(ctx, o.ID)
			if err != nil || (decided == nil) != (o == last) || decided != nil && (decided.ID != o.ID || decided.Status != Confirmed || len(decided.Items) != 1) {
				t.Errorf("order %s is decided: %+v, %v", o.ID, decided, err)
			}
		})
	}
	for len(poll.snapshot()) < 18 {
		runtime.Gosched()
	}
	if _, err := f.DB.ExecContext(t.Context(), `UPDATE orders SET status = ? WHERE id <> ?`, Confirmed, last.ID[:]); err != nil {
		t.Fatal(err)
	}
	for len(poll.snapshot()) > 2 {
		runtime.Gosched()
	}
	cancel()
	all.Wait()
	if left := len(poll.snapshot()); left > 0 {
		t.Errorf("%d requests still wait", left)
	}
}

// TestCatalogSyncInBatches checks that the newest version of each product remains, in every order
// of arrival.
func TestCatalogSyncInBatches(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	var messages []function.Message[catalogEntry]
	for i := range 5 {
		messages = append(messages, newMessage("product-changed", catalogEntry{
			ProductID: f.products[i%2], Name: fmt.Sprint("Version ", i), Status: activeProduct, Version: int64(1 + f.random.IntN(4)),
			Price: money.Money{Amount: int64(100 + i), Currency: "EUR"},
		}))
	}
	batchtest.CheckEquivalent(t, f.DB, func() []function.Message[catalogEntry] { return messages }, f.catalogSync,
		func(ctx context.Context, tx *database.Tx, _ []function.Message[catalogEntry]) (any, error) {
			return batchtest.Rows(ctx, tx,
				`SELECT CONCAT_WS(' ', HEX(product_id), name, price_amount, status, version) FROM catalog ORDER BY product_id`)
		})
}
