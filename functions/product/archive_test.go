package product_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"

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

// toldArchived counts the events that tell that a product is archived.
func (s shop) toldArchived(t *testing.T, id uuid.UUID) int {
	t.Helper()
	told := 0
	for _, e := range s.Topics.Of("product-changed") {
		var changed product.Changed
		if err := json.Unmarshal(e.Payload, &changed); err != nil {
			t.Fatal(err)
		}
		if changed.ProductID == id && changed.Status == product.Archived {
			told++
		}
	}
	return told
}

func TestArchive(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("takes the product out of the list, and tells others once", func(t *testing.T) {
		t.Parallel()
		body := tea("GONE", 3)
		body["category"] = "archived things"
		p := s.mustCreate(t, body)
		for _, etag := range []string{p.ETag(), p.ETag(), "*"} {
			if answer := s.archive(t, p.ID, etag).MustBe(t, http.StatusNoContent); len(answer.Body) != 0 {
				t.Errorf("a 204 has the body %s", answer.Body)
			}
		}
		for _, query := range []string{"?category=archived+things", "?q=gone", "?q=archived+things&orderBy=price"} {
			if page := s.mustList(t, query); len(page.Items) != 0 {
				t.Errorf("still listed by %s: %+v", query, page.Items)
			}
		}
		product.MustHaveWords(t, s.DB, p.ID)
		if after := s.mustGet(t, p.ID); after.Status != product.Archived || after.Version != p.Version+1 {
			t.Errorf("after: %+v", after)
		}
		if told := s.toldArchived(t, p.ID); told != 1 {
			t.Errorf("told %d times, want once", told)
		}
	})

	t.Run("no order gets it", func(t *testing.T) {
		t.Parallel()
		p, orderID := s.mustCreate(t, tea("RESERVE", 3)), uuid.New()
		s.archive(t, p.ID, p.ETag()).MustBe(t, http.StatusNoContent)
		s.mustReserve(t, placed(t, orderID, item(p, 1)))
		if got := s.outcome(t, orderID); got != string(product.ProductUnavailable) {
			t.Errorf("outcome is %q", got)
		}
	})

	t.Run("needs If-Match, and the version that is there", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, tea("STALE", 3))
		s.archive(t, p.ID, "").MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		s.archive(t, p.ID, `"0.3"`).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		if got := s.mustGet(t, p.ID).Status; got != product.Active {
			t.Errorf("the product is %s", got)
		}
	})

	t.Run("answers 404 to an id that no product has", func(t *testing.T) {
		t.Parallel()
		s.archive(t, uuid.New(), "*").MustBeProblem(t, http.StatusNotFound, "product_not_found")
	})

	t.Run("is for admins", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		request := functiontest.Request{Method: http.MethodDelete, Path: "/v1/products/" + uuid.NewString(), Header: map[string]string{"If-Match": "*"}}
		s.Do(t, request).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		request.Token = customer
		s.Do(t, request).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
