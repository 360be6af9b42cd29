package user

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/note"
	"souk/shared/trail"
)

// note sends a request to the operations for the notes on an account. The path follows that of the notes.
func (s server) note(t *testing.T, token, method string, id uuid.UUID, path, etag string, body any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: method, Path: "/v1/users/" + id.String() + "/notes" + path, Token: token, Header: header, Body: body})
}

func (s server) mustAddNote(t *testing.T, token string, id uuid.UUID, text string) note.Note {
	t.Helper()
	var n note.Note
	s.note(t, token, http.MethodPost, id, "", "", object{"text": text}).MustBe(t, http.StatusCreated).Into(t, &n)
	return n
}

func TestCreateNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := s.mustRegister(t, "ada@example.com")
	admin := s.Tokens.Admin(t)

	n := s.mustAddNote(t, s.Tokens.Staff(t, manifest.CustomersWrite), u.ID, "pays late\nis friendly")
	if n.Text != "pays late\nis friendly" || n.Version != 1 || n.Author.Kind != trail.Staff || n.Author.Role != "tester" {
		t.Errorf("got %+v", n)
	}
	r := functiontest.Request{Method: http.MethodPost, Path: "/v1/users/" + u.ID.String() + "/notes", Token: admin, Header: map[string]string{"Idempotency-Key": "a-note"}, Body: object{"text": "once"}}
	first, second := s.Do(t, r).MustBe(t, http.StatusCreated), s.Do(t, r).MustBe(t, http.StatusCreated)
	if string(first.Body) != string(second.Body) || s.mustCount(t, `SELECT COUNT(*) FROM user_note WHERE user_id = ?`, u.ID[:]) != 2 {
		t.Errorf("got %s and %s", first.Body, second.Body)
	}
	for _, body := range []object{{}, {"text": " "}, {"text": strings.Repeat("a", 2001)}} {
		s.note(t, admin, http.MethodPost, u.ID, "", "", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
	own := s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Customer})
	for _, token := range []string{own, s.Tokens.Staff(t, manifest.CustomersRead)} {
		s.note(t, token, http.MethodPost, u.ID, "", "", object{"text": "mine"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	}
	s.note(t, admin, http.MethodPost, uuid.New(), "", "", object{"text": "on none"}).MustBeProblem(t, http.StatusNotFound, "user_not_found")

	list := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/users?operation=user-note-create&resourceId=" + u.ID.String(), Token: admin}).MustBe(t, http.StatusOK)
	var page struct{ Items []trail.Entry }
	if list.Into(t, &page); len(page.Items) != 2 || strings.Contains(string(list.Body), "friendly") || !strings.Contains(string(list.Body), n.ID.String()) {
		t.Errorf("the trail has %s", list.Body)
	}
}

// TestNoteLimit requires that an account has at most note.MaxNotes notes.
func TestNoteLimit(t *testing.T) {
	t.Parallel()
	s := open(t)
	u, admin := s.mustRegister(t, "ada@example.com"), s.Tokens.Admin(t)
	n := s.mustAddNote(t, admin, u.ID, "the first")
	for range note.MaxNotes - 1 {
		id := uuid.Must(uuid.NewV7())
		s.mustExec(t, `
			INSERT INTO user_note (user_id, id, body, author_kind, author_role, version, created_at, updated_at)
			VALUES (?, ?, 'another', 'staff', 'owner', 1, ?, ?)`, u.ID[:], id[:], n.CreatedAt, n.UpdatedAt)
	}
	s.note(t, admin, http.MethodPost, u.ID, "", "", object{"text": "one more"}).MustBeProblem(t, http.StatusConflict, "too_many_notes")
	s.note(t, admin, http.MethodDelete, u.ID, "/"+n.ID.String(), "*", nil).MustBe(t, http.StatusNoContent)
	s.mustAddNote(t, admin, u.ID, "one more")
}
