package user

import (
	"net/http"
	"testing"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/manifest"
	"souk/shared/note"
)

func TestDeleteNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	u, admin := s.mustRegister(t, "ada@example.com"), s.Tokens.Admin(t)
	path := "/" + s.mustAddNote(t, admin, u.ID, "goes").ID.String()
	s.note(t, admin, http.MethodDelete, u.ID, path, "", nil).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.note(t, admin, http.MethodDelete, u.ID, path, `"2"`, nil).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	s.note(t, s.Tokens.Staff(t, manifest.CustomersRead), http.MethodDelete, u.ID, path, "*", nil).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.note(t, admin, http.MethodDelete, u.ID, path, `"1"`, nil).MustBe(t, http.StatusNoContent)
	s.note(t, admin, http.MethodDelete, u.ID, path, `"1"`, nil).MustBeProblem(t, http.StatusNotFound, "note_not_found")
}

// TestNotesAreErased requires that notes and tags are deleted with their account, and that a deleted author
// is removed from notes, which remain.
func TestNotesAreErased(t *testing.T) {
	t.Parallel()
	s := open(t)
	u, staying := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "bob@example.com")
	admin := s.Tokens.Admin(t)
	s.mustAddNote(t, admin, u.ID, "on the account that is deleted")
	s.mustSetTags(t, admin, u.ID, "vip")
	s.mustAddNote(t, s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Support}), staying.ID, "by the account that is deleted")
	s.mustAddNote(t, admin, staying.ID, "remains")
	s.deleteMe(t, s.mustSignIn(t, "ada@example.com").AccessToken, "*").MustBe(t, http.StatusNoContent)
	for _, query := range []string{`SELECT COUNT(*) FROM user_note WHERE user_id = ?`, `SELECT COUNT(*) FROM user_tag WHERE user_id = ?`, `SELECT COUNT(*) FROM user_note WHERE author_id = ?`, `SELECT COUNT(*) FROM trail WHERE resource_id = ?`} {
		if n := s.mustCount(t, query, u.ID[:]); n != 0 {
			t.Errorf("%s finds %d", query, n)
		}
	}
	var page api.Page[note.Note]
	s.note(t, admin, http.MethodGet, staying.ID, "", "", nil).MustBe(t, http.StatusOK).Into(t, &page)
	if len(page.Items) != 2 || page.Items[0].Author.ID == nil || page.Items[1].Author.ID != nil {
		t.Errorf("the notes on the other account are %+v", page.Items)
	}
	s.note(t, admin, http.MethodPost, u.ID, "", "", object{"text": "too late"}).MustBeProblem(t, http.StatusNotFound, "user_not_found")
}
