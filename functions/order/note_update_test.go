package order_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/manifest"
	"souk/shared/note"
)

func TestUpdateNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
	o, other := s.mustPlace(t, owner, fixtures.Item(cup, 1)), s.mustPlace(t, owner, fixtures.Item(cup, 1))
	admin := s.Tokens.Admin(t)

	t.Run("the text changes, and the author remains", func(t *testing.T) {
		t.Parallel()
		before := s.mustAddNote(t, admin, o.ID, "before")
		path := "/" + before.ID.String()
		var after note.Note
		response := s.note(t, s.Key(t, manifest.NewPermissionSet(manifest.OrdersWrite)), http.MethodPatch, o.ID, path, `"1"`, fixtures.Object{"text": "after\nit"}).MustBe(t, http.StatusOK)
		response.Into(t, &after)
		if after.Text != "after\nit" || after.Version != 2 || response.Header.Get("ETag") != `"2"` || *after.Author.ID != *before.Author.ID ||
			after.CreatedAt != before.CreatedAt || !after.UpdatedAt.After(before.UpdatedAt) {
			t.Errorf("%+v became %+v", before, after)
		}
		for _, body := range []fixtures.Object{{}, {"text": "after\nit"}} { // nothing changes
			if response := s.note(t, admin, http.MethodPatch, o.ID, path, `"2"`, body).MustBe(t, http.StatusOK); response.Header.Get("ETag") != `"2"` {
				t.Errorf("%v: the ETag is %s", body, response.Header.Get("ETag"))
			}
		}
		s.note(t, admin, http.MethodPatch, o.ID, path, `"1"`, fixtures.Object{"text": "late"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.note(t, admin, http.MethodPatch, o.ID, path, "", fixtures.Object{"text": "late"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		for _, text := range []any{"", " ", nil, "a\x07"} {
			s.note(t, admin, http.MethodPatch, o.ID, path, "*", fixtures.Object{"text": text}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
	t.Run("a note is found with its order only", func(t *testing.T) {
		t.Parallel()
		path, body := "/"+s.mustAddNote(t, admin, o.ID, "here").ID.String(), fixtures.Object{"text": "there"}
		s.note(t, admin, http.MethodPatch, other.ID, path, "*", body).MustBeProblem(t, http.StatusNotFound, "note_not_found")
		s.note(t, admin, http.MethodPatch, o.ID, "/"+uuid.NewString(), "*", body).MustBeProblem(t, http.StatusNotFound, "note_not_found")
		s.note(t, admin, http.MethodPatch, uuid.New(), path, "*", body).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		s.note(t, owner.token, http.MethodPatch, o.ID, path, "*", body).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
	t.Run("one of eight concurrent updates of a version succeeds", func(t *testing.T) {
		t.Parallel()
		path := "/" + s.mustAddNote(t, admin, o.ID, "contested").ID.String()
		var group sync.WaitGroup
		var succeeded atomic.Int64
		for i := range 8 {
			group.Go(func() {
				if s.note(t, admin, http.MethodPatch, o.ID, path, `"1"`, fixtures.Object{"text": string(rune('a' + i))}).Status == http.StatusOK {
					succeeded.Add(1)
				}
			})
		}
		if group.Wait(); succeeded.Load() != 1 {
			t.Errorf("%d updates succeeded", succeeded.Load())
		}
	})
}
