package product_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func (s shop) patch(t *testing.T, id uuid.UUID, etag string, body map[string]any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/products/" + id.String(), Token: s.admin, Header: header, Body: body})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("only the fields that are sent change", func(t *testing.T) {
		t.Parallel()
		before := s.mustCreate(t, fixtures.Product("ONE", 3))
		var after product.StaffProduct
		s.patch(t, before.ID, before.ETag(), map[string]any{"name": "Assam, 500 g"}).MustBe(t, http.StatusOK).Into(t, &after)
		want := before
		want.Name, want.Version, want.UpdatedAt = "Assam, 500 g", 2, after.UpdatedAt
		if diff := cmp.Diff(want, after.Product); diff != "" || !after.UpdatedAt.After(before.UpdatedAt) {
			t.Errorf("updated at %v and %v, after the change (-want +got):\n%s", before.UpdatedAt, after.UpdatedAt, diff)
		}
		if diff := cmp.Diff(after.Product, s.mustGet(t, before.ID)); diff != "" {
			t.Errorf("(-response +stored):\n%s", diff)
		}
	})

	t.Run("a search finds the new words and not the old ones", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("FOUND", 3))
		for _, change := range []struct {
			body                                   map[string]any
			found, alsoFound, missing, alsoMissing string
		}{
			{map[string]any{"name": "Zebra stripes"}, "zebra", "malty", "assam", "yak"},
			{map[string]any{"description": "Of a yak."}, "yak", "stripe", "malty", "assam"},
			{map[string]any{"category": "okapi"}, "okapi", "yak+zebra", "malty", "assam"},
		} {
			s.patch(t, p.ID, "*", change.body).MustBe(t, http.StatusOK)
			for query, want := range map[string]int{change.found: 1, change.alsoFound: 1, change.missing: 0, change.alsoMissing: 0} {
				if page := s.mustList(t, "?q=found+"+query); len(page.Items) != want {
					t.Errorf("after %v: %d found by %s, want %d", change.body, len(page.Items), query, want)
				}
			}
		}
		product.RequireWords(t, s.DB, p.ID)
	})

	t.Run("If-Match with the current version is required", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("TWO", 3))
		s.patch(t, p.ID, "", map[string]any{"name": "x"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		s.patch(t, p.ID, `"0.3"`, map[string]any{"name": "x"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.patch(t, p.ID, "*", map[string]any{"name": "x"}).MustBe(t, http.StatusOK)
	})

	t.Run("a sale does not change the version", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("THREE", 3))
		s.adjust(t, p.ID, -1).MustBe(t, http.StatusOK)
		s.patch(t, p.ID, p.ETag(), map[string]any{"name": "x"}).MustBe(t, http.StatusOK)
	})

	t.Run("one of eight concurrent updates with the same ETag succeeds", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("FOUR", 3))
		statuses := make(chan int, 8)
		var all sync.WaitGroup
		for range cap(statuses) {
			all.Go(func() { statuses <- s.patch(t, p.ID, p.ETag(), map[string]any{"name": "x"}).Status })
		}
		all.Wait()
		close(statuses)
		count := map[int]int{}
		for status := range statuses {
			count[status]++
		}
		if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != 7 {
			t.Errorf("statuses %v, want one 200 and seven 412", count)
		}
	})

	t.Run("an unknown id is a 404", func(t *testing.T) {
		t.Parallel()
		s.patch(t, uuid.New(), "*", map[string]any{"name": "x"}).MustBeProblem(t, http.StatusNotFound, "product_not_found")
	})
}
