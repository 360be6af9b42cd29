package order_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func openWith(t *testing.T, environment config.Environment) testService {
	t.Helper()
	return testService{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, environment, functiontest.WithContract(contract))}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"ORDER_MAX_OPEN": "4", "ORDER_MAX_PIECES": "10"})
	cup, pot := s.mustAddProduct(t, "Cup", 500), s.mustAddProduct(t, "Pot", 2500)

	t.Run("each customer may have ORDER_MAX_OPEN pending or confirmed orders", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		var orders []order.Order
		for range 4 {
			orders = append(orders, s.mustPlace(t, buyer, fixtures.Item(cup, 1)))
		}
		s.mustDeliverStock(t, "stock-reserved", orders[0].ID, "")
		s.place(t, buyer, fixtures.Item(pot, 1)).MustBeProblem(t, http.StatusConflict, "too_many_open_orders")
		s.mustPlace(t, s.customer(t), fixtures.Item(cup, 1))
	})

	t.Run("shipped, rejected and cancelled orders do not count", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		closings := []func(order.Order){
			func(o order.Order) { s.cancel(t, buyer.token, o.ID).MustBe(t, http.StatusOK) },
			func(o order.Order) { s.mustDeliverStock(t, "stock-rejected", o.ID, "insufficient_stock") },
			func(o order.Order) {
				s.mustDeliverStock(t, "stock-reserved", o.ID, "")
				s.requestStatus(t, s.Tokens.Admin(t), "ship", o.ID).MustBe(t, http.StatusOK)
			},
		}
		for _, closeOrder := range closings {
			o := s.mustPlace(t, buyer, fixtures.Item(cup, 10))
			s.place(t, buyer, fixtures.Item(cup, 1)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
			closeOrder(o)
		}
		s.mustPlace(t, buyer, fixtures.Item(cup, 10))
	})

	t.Run("open orders may have ORDER_MAX_PIECES units of one product", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		s.place(t, buyer, fixtures.Item(pot, 1), fixtures.Item(cup, 11)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
		s.mustPlace(t, buyer, fixtures.Item(cup, 6), fixtures.Item(pot, 10))
		s.place(t, buyer, fixtures.Item(cup, 5)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
		s.mustPlace(t, buyer, fixtures.Item(cup, 4))
	})

	t.Run("concurrent first orders of a customer do not exceed the limits", func(t *testing.T) {
		t.Parallel()
		races := map[string]struct{ quantity, accepted int }{
			"too_many_open_orders":   {quantity: 1, accepted: 4},
			"quantity_limit_reached": {quantity: 4, accepted: 2},
		}
		for code, race := range races {
			buyer := s.customer(t)
			responses := make(chan functiontest.Response, 50)
			var all sync.WaitGroup
			for range cap(responses) {
				all.Go(func() { responses <- s.place(t, buyer, fixtures.Item(cup, race.quantity)) })
			}
			all.Wait()
			close(responses)
			accepted := 0
			for response := range responses {
				if response.Status == http.StatusCreated {
					accepted++
					continue
				}
				response.MustBeProblem(t, http.StatusConflict, code)
			}
			if got := len(s.mustList(t, buyer.token, "").Items); accepted != race.accepted || got != race.accepted {
				t.Errorf("%d orders were accepted and %d are stored, want %d", accepted, got, race.accepted)
			}
		}
	})
}

func TestLimitsMustBePositive(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"ORDER_MAX_OPEN", "ORDER_MAX_PIECES"} {
		runtime := &function.Runtime{Environment: config.Environment{variable: "0"}}
		if _, err := order.Functions(runtime); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("with %s=0: %v", variable, err)
		}
	}
}
