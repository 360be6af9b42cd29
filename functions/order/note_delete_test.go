package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/manifest"
	"souk/shared/note"
)

func TestDeleteNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
	o, other := s.mustPlace(t, owner, fixtures.Item(cup, 1)), s.mustPlace(t, owner, fixtures.Item(cup, 1))
	admin := s.Tokens.Admin(t)
	s.mustAddNote(t, admin, o.ID, "remains")
	path := "/" + s.mustAddNote(t, admin, o.ID, "goes").ID.String()
	s.note(t, admin, http.MethodDelete, o.ID, path, "", nil).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.note(t, admin, http.MethodDelete, o.ID, path, `"2"`, nil).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	s.note(t, owner.token, http.MethodDelete, o.ID, path, "*", nil).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.note(t, admin, http.MethodDelete, other.ID, path, "*", nil).MustBeProblem(t, http.StatusNotFound, "note_not_found")
	s.note(t, admin, http.MethodDelete, uuid.New(), path, "*", nil).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	s.note(t, admin, http.MethodDelete, o.ID, path, `"1"`, nil).MustBe(t, http.StatusNoContent)
	s.note(t, admin, http.MethodDelete, o.ID, path, `"1"`, nil).MustBeProblem(t, http.StatusNotFound, "note_not_found")
	var page api.Page[note.Note]
	s.note(t, admin, http.MethodGet, o.ID, "", "", nil).MustBe(t, http.StatusOK).Into(t, &page)
	if len(page.Items) != 1 || page.Items[0].Text != "remains" {
		t.Errorf("the notes are %+v", page.Items)
	}
}

// TestNotesAreErased requires that the notes on an order are deleted with its personal data, and its tags
// are not; and that a deleted author is removed from notes, which remain.
func TestNotesAreErased(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	leaving, staying, author := s.customer(t), s.customer(t), uuid.New()
	admin := s.Tokens.Admin(t)
	gone, remaining := s.mustPlace(t, leaving, fixtures.Item(cup, 1)), s.mustPlace(t, staying, fixtures.Item(cup, 1))
	guest := s.mustPlaceAsGuest(t, "amira@example.com", "Amira Haddad", fixtures.Item(cup, 1))
	s.cancel(t, admin, guest.ID).MustBe(t, http.StatusOK)
	for _, o := range []order.Order{gone, remaining, guest} {
		s.mustAddNote(t, admin, o.ID, "asks for Amira Haddad")
		s.mustSetTags(t, admin, o.ID, "gift")
	}
	byAuthor := s.mustAddNote(t, s.Token(t, auth.Principal{UserID: author, Role: auth.Support, Permissions: manifest.NewPermissionSet(manifest.OrdersWrite)}), remaining.ID, "by a person who leaves")

	s.mustDeleteUser(t, leaving.UserID)
	s.mustDeleteUser(t, author)
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE guest_order SET placed_at = placed_at - INTERVAL 4 YEAR`); err != nil {
		t.Fatal(err)
	}
	s.sweep(t)
	for id, want := range map[uuid.UUID]int{gone.ID: 0, guest.ID: 0, remaining.ID: 2} {
		if n := s.mustCountNotes(t, id); n != want {
			t.Errorf("order %s has %d notes, want %d", id, n, want)
		}
		if o := s.mustGet(t, admin, id); len(o.Tags) != 1 {
			t.Errorf("order %s has the tags %q", id, o.Tags)
		}
	}
	for _, id := range []uuid.UUID{gone.ID, guest.ID} {
		s.note(t, admin, http.MethodPost, id, "", "", fixtures.Object{"text": "Amira Haddad called"}).MustBeProblem(t, http.StatusConflict, "order_erased")
		s.mustSetTags(t, admin, id, "late")
	}
	var page api.Page[note.Note]
	s.note(t, admin, http.MethodGet, remaining.ID, "", "", nil).MustBe(t, http.StatusOK).Into(t, &page)
	if n := page.Items[0]; n.ID != byAuthor.ID || n.Author.ID != nil || n.Author.Role != "support" || page.Items[1].Author.ID == nil {
		t.Errorf("the notes are %+v", page.Items)
	}
}
