package order_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
)

func TestPlaceAndWait(t *testing.T) {
	t.Parallel()
	d := open(t)
	someone := d.customer(t)
	cup := d.mustKnow(t, "Cup", 500)
	wait := func(t *testing.T, prefer string) (order.Order, http.Header) {
		t.Helper()
		answer := d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: someone.token,
			Header: map[string]string{"Prefer": prefer}, Body: map[string]any{"items": []any{line(cup, 1)}}})
		var o order.Order
		answer.MustBe(t, http.StatusCreated).Into(t, &o)
		return o, answer.Header
	}

	t.Run("answers as soon as the order is decided", func(t *testing.T) {
		t.Parallel()
		d := open(t)
		cup := d.mustKnow(t, "Cup", 500)
		buyer := d.customer(t)
		decided := make(chan order.Order)
		go func() {
			defer close(decided)
			answer := d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
				Header: map[string]string{"Prefer": "respond-async, wait=30"}, Body: map[string]any{"items": []any{line(cup, 1)}}})
			if got := answer.Header.Get("Preference-Applied"); got != "wait=30" {
				t.Errorf("Preference-Applied is %q", got)
			}
			var o order.Order
			if err := json.Unmarshal(answer.Body, &o); err != nil {
				t.Error(err)
			}
			decided <- o
		}()
		var pending []order.Order
		for len(pending) == 0 {
			pending = d.mustList(t, buyer.token, "").Items
		}
		d.mustHear(t, "stock-reserved", pending[0].ID, "")
		if o := <-decided; o.Status != order.Confirmed || len(o.History) != 2 {
			t.Errorf("answered %+v, want it confirmed", o)
		}
	})

	t.Run("answers pending when the time is over", func(t *testing.T) {
		t.Parallel()
		o, header := wait(t, "wait=1")
		if o.Status != order.Pending || header.Get("Preference-Applied") != "wait=1" {
			t.Errorf("answered %s, Preference-Applied %q", o.Status, header.Get("Preference-Applied"))
		}
	})

	t.Run("ignores a preference that makes no sense", func(t *testing.T) {
		t.Parallel()
		for _, prefer := range []string{"wait", "wait=soon", "wait=-1", "return=minimal"} {
			if _, header := wait(t, prefer); header.Get("Preference-Applied") != "" {
				t.Errorf("Prefer: %s was applied", prefer)
			}
		}
	})

	t.Run("replays the order as it was placed", func(t *testing.T) {
		t.Parallel()
		d := open(t)
		buyer, cup := d.customer(t), d.mustKnow(t, "Cup", 500)
		request := functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
			Header: map[string]string{"Prefer": "wait=30", "Idempotency-Key": uuid.NewString()}, Body: map[string]any{"items": []any{line(cup, 1)}}}
		responses := make(chan functiontest.Response, 1)
		go func() {
			defer close(responses)
			responses <- d.Do(t, request)
		}()
		var pending []order.Order
		for len(pending) == 0 {
			pending = d.mustList(t, buyer.token, "").Items
		}
		d.mustHear(t, "stock-reserved", pending[0].ID, "")
		first, again := <-responses, d.Do(t, request)
		var decided, placed order.Order
		first.MustBe(t, http.StatusCreated).Into(t, &decided)
		again.MustBe(t, http.StatusCreated).Into(t, &placed)
		if decided.Status != order.Confirmed || placed.Status != order.Pending || placed.ID != decided.ID {
			t.Errorf("the first response is %s %s, the second %s %s", decided.ID, decided.Status, placed.ID, placed.Status)
		}
		if first.Header.Get("Location") != again.Header.Get("Location") || again.Header.Get("Preference-Applied") != "" || again.Header.Get("ETag") != `"1"` {
			t.Errorf("the headers are %v, then %v", first.Header, again.Header)
		}
	})

	t.Run("shows the order as placed when the database fails during the wait", func(t *testing.T) {
		t.Parallel()
		d := desk{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, nil,
			functiontest.WithContract(contract), functiontest.WithProxy)}
		buyer, cup := d.customer(t), d.mustKnow(t, "Cup", 500)
		d.Statements.Set(func(statement string) dbtest.Fate {
			if strings.Contains(statement, "SELECT status") {
				return dbtest.CutBefore
			}
			return dbtest.Pass
		})
		var o order.Order
		d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
			Header: map[string]string{"Prefer": "wait=30"}, Body: map[string]any{"items": []any{line(cup, 1)}}}).MustBe(t, http.StatusCreated).Into(t, &o)
		d.Statements.Set(nil)
		if o.Status != order.Pending || d.mustGet(t, buyer.token, o.ID).Status != order.Pending {
			t.Errorf("the order is %+v", o)
		}
	})
}
