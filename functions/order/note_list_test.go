package order_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/api"
	"souk/shared/manifest"
	"souk/shared/note"
)

func TestListNotes(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
	o, other := s.mustPlace(t, owner, fixtures.Item(cup, 1)), s.mustPlace(t, owner, fixtures.Item(cup, 1))
	reader := s.Tokens.Staff(t, manifest.OrdersRead)
	list := func(t *testing.T, query string) (page api.Page[note.Note]) {
		t.Helper()
		s.note(t, reader, http.MethodGet, o.ID, query, "", nil).MustBe(t, http.StatusOK).Into(t, &page)
		return page
	}
	if page := list(t, ""); page.Items == nil || len(page.Items) != 0 || page.NextPageToken != "" {
		t.Errorf("an order without notes has %+v", page)
	}
	admin := s.Tokens.Admin(t)
	for _, text := range []string{"one", "two", "three"} {
		s.mustAddNote(t, admin, o.ID, text)
	}
	s.mustAddNote(t, admin, other.ID, "other")
	var texts []string
	query := "?pageSize=1"
	for range 5 {
		page := list(t, query)
		for _, n := range page.Items {
			texts = append(texts, n.Text)
		}
		if query = "?pageSize=1&pageToken=" + page.NextPageToken; page.NextPageToken == "" {
			break
		}
	}
	if want := []string{"three", "two", "one"}; !slices.Equal(texts, want) {
		t.Errorf("the pages have %q, want %q", texts, want)
	}
	s.note(t, reader, http.MethodGet, uuid.New(), "", "", nil).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	s.note(t, reader, http.MethodGet, o.ID, "?pageToken=x", "", nil).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	s.note(t, owner.token, http.MethodGet, o.ID, "", "", nil).MustBeProblem(t, http.StatusForbidden, "forbidden")
}
