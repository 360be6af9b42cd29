package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, other := s.customer(t), s.customer(t)
	o := s.mustPlace(t, owner, fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	path := "/v1/orders/" + o.ID.String()

	t.Run("its customer and admins get the order", func(t *testing.T) {
		t.Parallel()
		for _, token := range []string{owner.token, s.Tokens.Admin(t)} {
			if got := s.mustGet(t, token, o.ID); got.ID != o.ID {
				t.Errorf("got order %s", got.ID)
			}
		}
	})

	t.Run("other callers do not find the order", func(t *testing.T) {
		t.Parallel()
		hidden := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: other.token})
		hidden.MustBeProblem(t, http.StatusNotFound, "order_not_found")
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + uuid.NewString(), Token: other.token}).
			MustBeProblem(t, http.StatusNotFound, "order_not_found")
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path}).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})

	t.Run("the response is 304 until the order changes", func(t *testing.T) {
		t.Parallel()
		changing := s.mustPlace(t, owner, fixtures.Item(s.mustAddProduct(t, "Pot", 900), 1))
		request := functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + changing.ID.String(), Token: owner.token,
			Header: map[string]string{"If-None-Match": `"1"`}}
		s.Do(t, request).MustBe(t, http.StatusNotModified)
		s.mustDeliverStock(t, "stock-reserved", changing.ID, "")
		if got := s.Do(t, request).MustBe(t, http.StatusOK).Header.Get("ETag"); got != `"2"` {
			t.Errorf(`ETag is %s, want "2"`, got)
		}
	})
}
