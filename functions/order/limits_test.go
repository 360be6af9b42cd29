package order_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func openWith(t *testing.T, environment config.Environment) desk {
	t.Helper()
	return desk{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, environment, functiontest.WithContract(contract))}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	d := openWith(t, config.Environment{"ORDER_MAX_OPEN": "4", "ORDER_MAX_PIECES": "10"})
	cup, pot := d.mustKnow(t, "Cup", 500), d.mustKnow(t, "Pot", 2500)

	t.Run("so many open orders, pending or confirmed, and no more; others have their own", func(t *testing.T) {
		t.Parallel()
		someone := d.customer(t)
		var orders []order.Order
		for range 4 {
			orders = append(orders, d.mustPlace(t, someone, line(cup, 1)))
		}
		d.mustHear(t, "stock-reserved", orders[0].ID, "")
		d.place(t, someone, line(pot, 1)).MustBeProblem(t, http.StatusConflict, "too_many_open_orders")
		d.mustPlace(t, d.customer(t), line(cup, 1))
	})

	t.Run("an order that is shipped, rejected or cancelled makes room", func(t *testing.T) {
		t.Parallel()
		someone := d.customer(t)
		ends := []func(order.Order){
			func(o order.Order) { d.cancel(t, someone.token, o.ID).MustBe(t, http.StatusOK) },
			func(o order.Order) { d.mustHear(t, "stock-rejected", o.ID, "insufficient_stock") },
			func(o order.Order) {
				d.mustHear(t, "stock-reserved", o.ID, "")
				d.move(t, d.Tokens.Admin(t), "ship", o.ID).MustBe(t, http.StatusOK)
			},
		}
		for _, end := range ends {
			o := d.mustPlace(t, someone, line(cup, 10))
			d.place(t, someone, line(cup, 1)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
			end(o)
		}
		d.mustPlace(t, someone, line(cup, 10))
	})

	t.Run("so many pieces of one product, over all open orders, and no more", func(t *testing.T) {
		t.Parallel()
		someone := d.customer(t)
		d.place(t, someone, line(pot, 1), line(cup, 11)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
		d.mustPlace(t, someone, line(cup, 6), line(pot, 10))
		d.place(t, someone, line(cup, 5)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
		d.mustPlace(t, someone, line(cup, 4))
	})

	t.Run("of fifty orders at once, the first of a customer, exactly as many are taken as may be", func(t *testing.T) {
		t.Parallel()
		races := map[string]struct{ quantity, taken int }{
			"too_many_open_orders":   {quantity: 1, taken: 4},
			"quantity_limit_reached": {quantity: 4, taken: 2},
		}
		for code, race := range races {
			someone := d.customer(t)
			answers := make(chan functiontest.Response, 50)
			var all sync.WaitGroup
			for range cap(answers) {
				all.Go(func() { answers <- d.place(t, someone, line(cup, race.quantity)) })
			}
			all.Wait()
			close(answers)
			taken := 0
			for answer := range answers {
				if answer.Status == http.StatusCreated {
					taken++
					continue
				}
				answer.MustBeProblem(t, http.StatusConflict, code)
			}
			if got := len(d.mustList(t, someone.token, "").Items); taken != race.taken || got != race.taken {
				t.Errorf("%d orders were taken and %d are there, want %d", taken, got, race.taken)
			}
		}
	})
}

func TestLimitsThatAllowNothingAreRefused(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"ORDER_MAX_OPEN", "ORDER_MAX_PIECES"} {
		runtime := &function.Runtime{Environment: config.Environment{variable: "0"}}
		if _, err := order.Functions(runtime); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("with %s=0: %v", variable, err)
		}
	}
}
