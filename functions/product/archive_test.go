package product_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func (s shop) archive(t *testing.T, id uuid.UUID, etag string) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/products/" + id.String(), Token: s.admin, Header: header})
}

// countArchivedEvents returns the number of events by which a product was archived.
func (s shop) countArchivedEvents(t *testing.T, id uuid.UUID) int {
	t.Helper()
	count := 0
	for _, e := range s.Published.Events("product-changed") {
		var changed product.Changed
		if err := json.Unmarshal(e.Payload, &changed); err != nil {
			t.Fatal(err)
		}
		if changed.ProductID == id && changed.Status == product.Archived {
			count++
		}
	}
	return count
}

func TestArchive(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("the product is no longer listed, and one event is published", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Product("ARCHIVED", 3)
		body["category"] = "archived things"
		p := s.mustCreate(t, body)
		for _, etag := range []string{p.ETag(), p.ETag(), "*"} {
			if response := s.archive(t, p.ID, etag).MustBe(t, http.StatusNoContent); len(response.Body) != 0 {
				t.Errorf("a 204 has the body %s", response.Body)
			}
		}
		for _, query := range []string{"?category=archived+things", "?q=archived", "?q=archived+things&orderBy=price"} {
			if page := s.mustList(t, query); len(page.Items) != 0 {
				t.Errorf("still listed by %s: %+v", query, page.Items)
			}
		}
		product.RequireWords(t, s.DB, p.ID)
		if after := s.mustGet(t, p.ID); after.Status != product.Archived || after.Version != p.Version+1 {
			t.Errorf("the product is %+v", after)
		}
		if n := s.countArchivedEvents(t, p.ID); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})

	t.Run("an order for the product is rejected", func(t *testing.T) {
		t.Parallel()
		p, orderID := s.mustCreate(t, fixtures.Product("RESERVE", 3)), uuid.New()
		s.archive(t, p.ID, p.ETag()).MustBe(t, http.StatusNoContent)
		s.mustReserve(t, placedEvent(t, orderID, item(p, 1)))
		if got := s.outcome(t, orderID); got != string(product.ProductUnavailable) {
			t.Errorf("outcome is %q", got)
		}
	})

	t.Run("If-Match with the current version is required", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("STALE", 3))
		s.archive(t, p.ID, "").MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		s.archive(t, p.ID, `"0.3"`).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		if got := s.mustGet(t, p.ID).Status; got != product.Active {
			t.Errorf("the product is %s", got)
		}
	})

	t.Run("an unknown id is a 404", func(t *testing.T) {
		t.Parallel()
		s.archive(t, uuid.New(), "*").MustBeProblem(t, http.StatusNotFound, "product_not_found")
	})

	t.Run("only admins may archive products", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		request := functiontest.Request{Method: http.MethodDelete, Path: "/v1/products/" + uuid.NewString(), Header: map[string]string{"If-Match": "*"}}
		s.Do(t, request).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		request.Token = customer
		s.Do(t, request).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
