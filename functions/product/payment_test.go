package product_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// TestReserveForPayment checks that stock-reserved has what the payment service needs of an order
// that must be paid, and the attribute by which its subscription is filtered; and that orders
// without payment have neither.
func TestReserveForPayment(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustCreate(t, fixtures.Product("CUP-PAID", 5))
	free, unpaid, user := uuid.New(), uuid.New(), uuid.New()
	s.mustReserve(t, placedEvent(t, free, item(cup, 1)))
	placed := fixtures.UnpaidOrderPlaced(unpaid, item(cup, 2))
	source := uuid.New()
	placed["userId"], placed["total"], placed["sources"] = user, fixtures.Price(2598), []uuid.UUID{source}
	s.Deliver(t, "stock-reserve", functiontest.NewEvent(t, "order-placed", placed)).MustBe(t, http.StatusNoContent)

	payloads, attributes := map[uuid.UUID]string{}, map[uuid.UUID]string{}
	for _, e := range s.Published.Events("stock-reserved") {
		payloads[e.AggregateID], attributes[e.AggregateID] = string(e.Payload), e.Attributes()["payment"]
	}
	want := map[uuid.UUID]string{
		free:   `{"orderId":"` + free.String() + `"}`,
		unpaid: `{"orderId":"` + unpaid.String() + `","userId":"` + user.String() + `","total":{"amount":2598,"currency":"EUR"},"payment":"required","sources":["` + source.String() + `"]}`,
	}
	if diff := cmp.Diff(want, payloads); diff != "" {
		t.Errorf("payloads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[uuid.UUID]string{free: "", unpaid: "required"}, attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}
