package user

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/manifest"
	"souk/shared/note"
)

func TestUpdateNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	u, other := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "bob@example.com")
	admin := s.Tokens.Admin(t)
	before := s.mustAddNote(t, admin, u.ID, "before")
	path := "/" + before.ID.String()
	var after note.Note
	s.note(t, s.Tokens.Staff(t, manifest.CustomersWrite), http.MethodPatch, u.ID, path, `"1"`, object{"text": "after"}).MustBe(t, http.StatusOK).Into(t, &after)
	if after.Text != "after" || after.Version != 2 || *after.Author.ID != *before.Author.ID {
		t.Errorf("%+v became %+v", before, after)
	}
	s.note(t, admin, http.MethodPatch, u.ID, path, `"1"`, object{"text": "late"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	s.note(t, admin, http.MethodPatch, u.ID, path, "", object{"text": "late"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.note(t, admin, http.MethodPatch, other.ID, path, "*", object{"text": "late"}).MustBeProblem(t, http.StatusNotFound, "note_not_found")
	s.note(t, admin, http.MethodPatch, uuid.New(), path, "*", object{"text": "late"}).MustBeProblem(t, http.StatusNotFound, "user_not_found")
	s.note(t, s.Tokens.Staff(t, manifest.CustomersRead), http.MethodPatch, u.ID, path, "*", object{"text": "late"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
}
