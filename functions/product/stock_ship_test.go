package product_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// shipmentEvent returns a shipment-created event with units of one product.
func shipmentEvent(t *testing.T, orderID, productID uuid.UUID, quantity int64) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "shipment-created", fixtures.ShipmentCreated(orderID, productID, quantity))
}

// stock is the stock of a product as staff sees it.
type stock struct{ Available, Reserved, OnHand int64 }

func (s shop) mustReadStock(t *testing.T, p product.Product) (units stock) {
	t.Helper()
	if err := json.Unmarshal(s.mustFindBySKU(t, p.SKU), &units); err != nil {
		t.Fatal(err)
	}
	return units
}

func (s shop) requireStock(t *testing.T, p product.Product, available, reserved int64) {
	t.Helper()
	want := stock{available, reserved, available + reserved}
	if got := s.mustReadStock(t, p); got != want {
		t.Errorf("the stock is %+v, want %+v", got, want)
	}
}

// consumers are the functions that get the events about a reserved order.
var consumers = map[string]string{
	"shipment-created": "stock-ship", "order-cancelled": "stock-release", "payment-refunded": "stock-restock", "return-received": "stock-restock",
}

// mustChangeStock delivers events about reserved orders, each twice.
func (s shop) mustChangeStock(t *testing.T, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		for range 2 {
			s.Deliver(t, consumers[e.Type], e).MustBe(t, http.StatusNoContent)
		}
	}
}

// TestReservedUnits reserves 3 of 10 units, and changes the order in all ways, in every order of
// arrival.
func TestReservedUnits(t *testing.T) {
	t.Parallel()
	s := open(t)
	ship := func(units int64) func(*testing.T, uuid.UUID, uuid.UUID) event.Event {
		return func(t *testing.T, order, p uuid.UUID) event.Event {
			t.Helper()
			return shipmentEvent(t, order, p, units)
		}
	}
	refund := func(units int64, restock bool) func(*testing.T, uuid.UUID, uuid.UUID) event.Event {
		return func(t *testing.T, order, p uuid.UUID) event.Event {
			t.Helper()
			return refundedEvent(t, order, p, units, restock)
		}
	}
	receive := func(units int64, restock bool) func(*testing.T, uuid.UUID, uuid.UUID) event.Event {
		return func(t *testing.T, order, p uuid.UUID) event.Event {
			t.Helper()
			return returnedEvent(t, order, p, units, restock)
		}
	}
	cancel := func(t *testing.T, order, _ uuid.UUID) event.Event { t.Helper(); return cancelledEvent(t, order) }
	for name, test := range map[string]struct {
		events              []func(t *testing.T, order, p uuid.UUID) event.Event
		available, reserved int64
	}{
		"reserved":                           {nil, 7, 3},
		"cancelled":                          {events(cancel), 10, 0},
		"shipped":                            {events(ship(3)), 7, 0},
		"shipped in part":                    {events(ship(1)), 7, 2},
		"shipped in parts":                   {events(ship(1), ship(2)), 7, 0},
		"more shipped than reserved":         {events(ship(2), ship(2)), 7, 0},
		"refunded and to be shipped":         {events(refund(2, false)), 7, 3},
		"refunded and for sale again":        {events(refund(2, true)), 9, 1},
		"refunded before a shipment":         {events(refund(2, true), ship(1)), 9, 0},
		"refunded after everything":          {events(ship(3), refund(1, true)), 8, 0},
		"refunded and cancelled":             {events(refund(3, true), cancel), 10, 0},
		"refunded in part and cancelled":     {events(refund(1, true), cancel), 10, 0},
		"returned":                           {events(ship(3), receive(2, true)), 9, 0},
		"returned and not for sale again":    {events(ship(3), receive(2, false)), 7, 0},
		"returned before all are shipped":    {events(ship(2), receive(1, true)), 8, 1},
		"returned, and the others refunded":  {events(ship(2), receive(1, true), refund(1, true)), 9, 0},
		"returned, and more refunded":        {events(ship(2), receive(2, true), refund(3, true)), 10, 0},
		"shipped, returned, refunded, again": {events(ship(1), receive(1, true), refund(1, true), ship(1)), 9, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, order := range permutations(len(test.events)) {
				p := s.mustCreate(t, fixtures.Product("RESERVED-"+uuid.NewString(), 10))
				id := uuid.Must(uuid.NewV7())
				s.mustReserve(t, placedEvent(t, id, item(p, 3)))
				s.requireStock(t, p, 7, 3)
				for _, at := range order {
					s.mustChangeStock(t, test.events[at](t, id, p.ID))
				}
				if s.requireStock(t, p, test.available, test.reserved); t.Failed() {
					t.Fatalf("in the order %v", order)
				}
			}
		})
	}
}

func events(all ...func(t *testing.T, order, p uuid.UUID) event.Event) []func(t *testing.T, order, p uuid.UUID) event.Event {
	return all
}

// permutations returns all orders of n numbers.
func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{{}}
	}
	for _, order := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(order), at, n-1))
		}
	}
	return all
}

// TestReservedUnitsOfOtherOrders checks that events about orders without counted units change nothing:
// orders that do not exist, that are rejected or cancelled, or that are from before units were counted.
func TestReservedUnitsOfOtherOrders(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, other := s.mustCreate(t, fixtures.Product("COUNTED", 10)), s.mustCreate(t, fixtures.Product("COUNTED-OTHER", 10))
	reserve := func(units int) uuid.UUID {
		id := uuid.Must(uuid.NewV7())
		s.mustReserve(t, placedEvent(t, id, item(p, units)))
		return id
	}
	reserve(1)
	rejected, cancelled, old := reserve(30), reserve(2), reserve(4)
	s.mustChangeStock(t, cancelledEvent(t, cancelled))
	for _, statement := range []string{
		`UPDATE product SET reserved = reserved - 4 WHERE id = ?`,
		`UPDATE reservation_item SET unshipped = NULL WHERE quantity = 4 AND product_id = ?`,
	} {
		if _, err := s.DB.ExecContext(t.Context(), statement, p.ID[:]); err != nil {
			t.Fatal(err)
		}
	}
	s.mustChangeStock(t,
		shipmentEvent(t, uuid.New(), p.ID, 1), shipmentEvent(t, rejected, p.ID, 1), shipmentEvent(t, cancelled, p.ID, 1),
		shipmentEvent(t, old, p.ID, 1), shipmentEvent(t, old, other.ID, 1))
	s.requireStock(t, p, 5, 1)
	s.requireStock(t, other, 10, 0)
	s.mustChangeStock(t, refundedEvent(t, old, p.ID, 1, true))
	s.requireStock(t, p, 6, 1)
	s.mustChangeStock(t, cancelledEvent(t, old))
	s.requireStock(t, p, 9, 1)
}

// TestDocumentedRepair counts the reserved units of a product by the statements of docs/operations.md, while
// a shipment has changed the order's item and waits for the product, and while one has changed both.
func TestDocumentedRepair(t *testing.T) {
	t.Parallel()
	s := open(t)
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	const first = "SET @product"
	_, after, _ := strings.Cut(string(text), first)
	script, _, found := strings.Cut(first+after, "```")
	if !found {
		t.Fatal("docs/operations.md has no statements")
	}
	repair := func(p product.Product) error {
		conn, err := s.DB.SQL().Conn(t.Context())
		if err != nil {
			return err
		}
		defer conn.Close()
		script := strings.TrimRight(strings.ReplaceAll(script, "PRODUCT", p.ID.String()), "; \n")
		for statement := range strings.SplitSeq(script, ";") {
			if _, err := conn.ExecContext(t.Context(), statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}
	for name, isLocked := range map[string]bool{"waits for the product": false, "has changed both": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := s.mustCreate(t, fixtures.Product("REPAIRED-"+uuid.NewString(), 10))
			for _, units := range []int{3, 2} {
				s.mustReserve(t, placedEvent(t, uuid.Must(uuid.NewV7()), item(p, units)))
			}
			if _, err := s.DB.ExecContext(t.Context(), `UPDATE product SET reserved = 9 WHERE id = ?`, p.ID[:]); err != nil {
				t.Fatal(err)
			}
			shipment, err := s.DB.SQL().BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = shipment.Rollback() }()
			statements := []string{
				`UPDATE reservation_item SET unshipped = unshipped - 1 WHERE product_id = ? AND quantity = 3`,
				`UPDATE product SET reserved = reserved - 1 WHERE id = ?`,
			}
			mustExec := func(statements []string) {
				t.Helper()
				for _, statement := range statements {
					if _, err := shipment.ExecContext(t.Context(), statement, p.ID[:]); err != nil {
						t.Fatal(err)
					}
				}
			}
			repaired := make(chan error, 1)
			if isLocked {
				mustExec(statements)
				go func() { repaired <- repair(p) }()
				time.Sleep(100 * time.Millisecond) // the repair waits for the product
			} else {
				mustExec(statements[:1])
				repaired <- repair(p)
				s.requireStock(t, p, 5, 5)
				mustExec(statements[1:])
			}
			if err := shipment.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-repaired; err != nil {
				t.Fatal(err)
			}
			s.requireStock(t, p, 5, 4)
		})
	}
}

// TestReservedUnitsAreForStaff reads a product of which units are reserved in every way.
func TestReservedUnitsAreForStaff(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, fixtures.Product("STAFF", 10))
	id := uuid.Must(uuid.NewV7())
	s.mustReserve(t, placedEvent(t, id, item(p, 3)))
	s.mustChangeStock(t, shipmentEvent(t, id, p.ID, 1))
	for _, path := range []string{"/v1/products/" + p.ID.String(), "/v1/products"} {
		body := string(s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: s.admin}).MustBe(t, http.StatusOK).Body)
		if !strings.Contains(body, `"available":7`) || strings.Contains(body, "reserved") || strings.Contains(body, "onHand") {
			t.Errorf("%s responds with %s", path, body)
		}
	}
	want := stock{Available: 7, Reserved: 2, OnHand: 9}
	for name, text := range map[string]string{
		"search": string(s.mustFindBySKU(t, p.SKU)), "export": s.mustExportLines(t)[p.SKU],
		"update": string(s.patch(t, p.ID, `"1"`, map[string]any{"name": "Tea"}).MustBe(t, http.StatusOK).Body),
	} {
		var got stock
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: the stock is %+v, want %+v", name, got, want)
		}
	}
	if rows := s.mustExport(t, "csv"); !strings.Contains(rows, ",reserved,onHand\n") || !strings.Contains(rows, ",2,9\n") {
		t.Errorf("the table is %s", rows)
	}
	var adjusted product.StaffProduct
	s.adjust(t, p.ID, 5-9).MustBe(t, http.StatusOK).Into(t, &adjusted)
	if got := (stock{adjusted.Available, adjusted.Reserved, adjusted.OnHand}); got != (stock{Available: 3, Reserved: 2, OnHand: 5}) {
		t.Errorf("after a count of 5, the stock is %+v", got)
	}
}
