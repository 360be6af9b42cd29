package user

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/manifest"
	"souk/shared/note"
)

func TestListNotes(t *testing.T) {
	t.Parallel()
	s := open(t)
	u, other := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "bob@example.com")
	admin, reader := s.Tokens.Admin(t), s.Tokens.Staff(t, manifest.CustomersRead)
	first, second := s.mustAddNote(t, admin, u.ID, "first"), s.mustAddNote(t, admin, u.ID, "second")
	s.mustAddNote(t, admin, other.ID, "other")
	var newest, oldest api.Page[note.Note]
	s.note(t, reader, http.MethodGet, u.ID, "?pageSize=1", "", nil).MustBe(t, http.StatusOK).Into(t, &newest)
	s.note(t, reader, http.MethodGet, u.ID, "?pageSize=1&pageToken="+newest.NextPageToken, "", nil).MustBe(t, http.StatusOK).Into(t, &oldest)
	if len(newest.Items) != 1 || newest.Items[0].ID != second.ID || len(oldest.Items) != 1 || oldest.Items[0].ID != first.ID || oldest.NextPageToken != "" {
		t.Errorf("the pages are %+v and %+v", newest, oldest)
	}
	s.note(t, reader, http.MethodGet, uuid.New(), "", "", nil).MustBeProblem(t, http.StatusNotFound, "user_not_found")
	s.note(t, s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Customer}), http.MethodGet, u.ID, "", "", nil).MustBeProblem(t, http.StatusForbidden, "forbidden")
}
