package order_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
)

func TestPlaceAndWait(t *testing.T) {
	t.Parallel()
	s := open(t)
	buyer := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	wait := func(t *testing.T, prefer string) (order.Order, http.Header) {
		t.Helper()
		response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
			Header: map[string]string{"Prefer": prefer}, Body: fixtures.Order(fixtures.Item(cup, 1))})
		var o order.Order
		response.MustBe(t, http.StatusCreated).Into(t, &o)
		return o, response.Header
	}

	t.Run("the response is sent as soon as the order is no longer pending", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		cup := s.mustAddProduct(t, "Cup", 500)
		buyer := s.customer(t)
		confirmed := make(chan order.Order)
		go func() {
			defer close(confirmed)
			response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
				Header: map[string]string{"Prefer": "respond-async, wait=30"}, Body: fixtures.Order(fixtures.Item(cup, 1))})
			if got := response.Header.Get("Preference-Applied"); got != "wait=30" {
				t.Errorf("Preference-Applied is %q", got)
			}
			var o order.Order
			if err := json.Unmarshal(response.Body, &o); err != nil {
				t.Error(err)
			}
			confirmed <- o
		}()
		var pending []order.Order
		for len(pending) == 0 {
			pending = s.mustList(t, buyer.token, "").Items
		}
		s.mustDeliverStock(t, "stock-reserved", pending[0].ID, "")
		if o := <-confirmed; o.Status != order.Confirmed || len(o.History) != 2 {
			t.Errorf("got %+v, want it confirmed", o)
		}
	})

	t.Run("the order is pending when the wait is over", func(t *testing.T) {
		t.Parallel()
		o, header := wait(t, "wait=1")
		if o.Status != order.Pending || header.Get("Preference-Applied") != "wait=1" {
			t.Errorf("got %s, Preference-Applied %q", o.Status, header.Get("Preference-Applied"))
		}
	})

	t.Run("an invalid preference is ignored", func(t *testing.T) {
		t.Parallel()
		for _, prefer := range []string{"wait", "wait=soon", "wait=-1", "return=minimal"} {
			if _, header := wait(t, prefer); header.Get("Preference-Applied") != "" {
				t.Errorf("Prefer: %s was applied", prefer)
			}
		}
	})

	t.Run("a replay shows the order as it was placed", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		buyer, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
		request := functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
			Header: map[string]string{"Prefer": "wait=30", "Idempotency-Key": uuid.NewString()}, Body: fixtures.Order(fixtures.Item(cup, 1))}
		responses := make(chan functiontest.Response, 1)
		go func() {
			defer close(responses)
			responses <- s.Do(t, request)
		}()
		var pending []order.Order
		for len(pending) == 0 {
			pending = s.mustList(t, buyer.token, "").Items
		}
		s.mustDeliverStock(t, "stock-reserved", pending[0].ID, "")
		first, again := <-responses, s.Do(t, request)
		var confirmed, placed order.Order
		first.MustBe(t, http.StatusCreated).Into(t, &confirmed)
		again.MustBe(t, http.StatusCreated).Into(t, &placed)
		if confirmed.Status != order.Confirmed || placed.Status != order.Pending || placed.ID != confirmed.ID {
			t.Errorf("the first response is %s %s, the second %s %s", confirmed.ID, confirmed.Status, placed.ID, placed.Status)
		}
		if first.Header.Get("Location") != again.Header.Get("Location") || again.Header.Get("Preference-Applied") != "" || again.Header.Get("ETag") != `"1"` {
			t.Errorf("the headers are %v, then %v", first.Header, again.Header)
		}
	})

	t.Run("the order is shown as placed if the database fails during the wait", func(t *testing.T) {
		t.Parallel()
		s := testService{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, nil,
			functiontest.WithContract(contract), functiontest.WithProxy)}
		buyer, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
		s.Statements.Set(func(statement string) dbtest.Fate {
			if strings.Contains(statement, "status <> ") {
				return dbtest.CutBefore
			}
			return dbtest.Pass
		})
		var o order.Order
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
			Header: map[string]string{"Prefer": "wait=30"}, Body: fixtures.Order(fixtures.Item(cup, 1))}).MustBe(t, http.StatusCreated).Into(t, &o)
		s.Statements.Set(nil)
		if o.Status != order.Pending || s.mustGet(t, buyer.token, o.ID).Status != order.Pending {
			t.Errorf("the order is %+v", o)
		}
	})
}
