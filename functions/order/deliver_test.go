package order_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/order"
)

func TestDeliver(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)

	t.Run("a shipped order is delivered, the event is published, and the history contains all changes", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirm(t, owner, cup)
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		var after order.Order
		s.requestStatus(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK).Into(t, &after)
		var entries []string
		for _, entry := range after.History {
			entries = append(entries, string(entry.Status)+" by "+string(entry.Actor))
		}
		want := []string{"pending by customer", "confirmed by system", "shipped by shop", "delivered by shop"}
		if diff := cmp.Diff(want, entries); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if got := s.published(t, "order-delivered", o.ID); len(got) != 1 || got[0].UserID != owner.UserID {
			t.Errorf("published order-delivered %+v", got)
		}
	})

	t.Run("an order of another status is not delivered", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirm(t, owner, cup)
		s.requestStatus(t, admin, "deliver", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_deliverable")
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		s.requestStatus(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK)
		s.requestStatus(t, admin, "deliver", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_deliverable")
	})

	t.Run("only admins may deliver, and only existing orders", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirm(t, owner, cup)
		s.requestStatus(t, owner.token, "deliver", o.ID).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.requestStatus(t, "", "deliver", o.ID).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.requestStatus(t, admin, "deliver", uuid.New()).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	})
}
