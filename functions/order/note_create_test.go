package order_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/note"
	"souk/shared/trail"
)

// note sends a request to the operations for the notes on an order. The path follows that of the notes.
func (s testService) note(t *testing.T, token, method string, id uuid.UUID, path, etag string, body any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: method, Path: "/v1/orders/" + id.String() + "/notes" + path, Token: token, Header: header, Body: body})
}

func (s testService) mustAddNote(t *testing.T, token string, id uuid.UUID, text string) note.Note {
	t.Helper()
	var n note.Note
	s.note(t, token, http.MethodPost, id, "", "", fixtures.Object{"text": text}).MustBe(t, http.StatusCreated).Into(t, &n)
	return n
}

// mustCountNotes returns the number of stored notes on an order.
func (s testService) mustCountNotes(t *testing.T, id uuid.UUID) int {
	t.Helper()
	return s.mustCount(t, `SELECT COUNT(*) FROM order_note WHERE order_id = ?`, id[:])
}

func TestCreateNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
	o := s.mustPlace(t, owner, fixtures.Item(cup, 1))

	t.Run("a note has its author and a version", func(t *testing.T) {
		t.Parallel()
		author := uuid.New()
		token := s.Token(t, auth.Principal{UserID: author, Role: auth.Support, Permissions: manifest.NewPermissionSet(manifest.OrdersWrite)})
		response := s.note(t, token, http.MethodPost, o.ID, "", "", fixtures.Object{"text": " Call first.\r\nTwice. "}).MustBe(t, http.StatusCreated)
		var n note.Note
		response.Into(t, &n)
		if n.Text != "Call first.\nTwice." || n.Author.Kind != trail.Staff || n.Author.ID == nil || *n.Author.ID != author || n.Author.Role != "support" ||
			n.Version != 1 || response.Header.Get("ETag") != `"1"` || n.CreatedAt != n.UpdatedAt || time.Since(n.CreatedAt) > time.Minute {
			t.Errorf("got %+v with ETag %s", n, response.Header.Get("ETag"))
		}
	})
	t.Run("the author may be an API key", func(t *testing.T) {
		t.Parallel()
		if n := s.mustAddNote(t, s.Key(t, manifest.NewPermissionSet(manifest.OrdersWrite)), o.ID, "by the warehouse"); n.Author.Kind != trail.Key || n.Author.ID == nil {
			t.Errorf("the author is %+v", n.Author)
		}
	})
	t.Run("a key of idempotency creates one note", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		r := functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/notes", Token: s.Tokens.Admin(t),
			Header: map[string]string{"Idempotency-Key": "a-note"}, Body: fixtures.Object{"text": "once"}}
		first, second := s.Do(t, r).MustBe(t, http.StatusCreated), s.Do(t, r).MustBe(t, http.StatusCreated)
		if string(first.Body) != string(second.Body) || second.Header.Get("Idempotency-Replayed") != "true" || s.mustCountNotes(t, o.ID) != 1 {
			t.Errorf("got %s and %s, %d notes", first.Body, second.Body, s.mustCountNotes(t, o.ID))
		}
	})
	t.Run("texts that are empty, too long or with control characters are refused", func(t *testing.T) {
		t.Parallel()
		admin := s.Tokens.Admin(t)
		for _, body := range []fixtures.Object{{}, {"text": ""}, {"text": " \n"}, {"text": nil}, {"text": strings.Repeat("ä", 2001)}, {"text": "a\x07"}, {"text": "a", "author": "me"}} {
			s.note(t, admin, http.MethodPost, o.ID, "", "", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.note(t, admin, http.MethodPost, o.ID, "", "", fixtures.Object{"text": strings.Repeat("ä", 2000)}).MustBe(t, http.StatusCreated)
	})
	t.Run("notes are for staff that may write orders, on orders that exist", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Object{"text": "mine"}
		s.note(t, owner.token, http.MethodPost, o.ID, "", "", body).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.note(t, s.Tokens.Staff(t, manifest.OrdersRead), http.MethodPost, o.ID, "", "", body).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.note(t, s.Tokens.Admin(t), http.MethodPost, uuid.New(), "", "", body).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	})
	t.Run("a note does not change the order", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		s.mustAddNote(t, s.Tokens.Admin(t), o.ID, "suspicious")
		response := s.Do(t, fixtures.GetOrder(owner.token, o.ID)).MustBe(t, http.StatusOK)
		var after order.Order
		if response.Into(t, &after); after.Version != o.Version || strings.Contains(string(response.Body), "suspicious") {
			t.Errorf("the customer gets %s", response.Body)
		}
	})
}

// TestNoteLimit requires that concurrent requests do not create more notes than an order may have.
func TestNoteLimit(t *testing.T) {
	t.Parallel()
	s := open(t)
	o := s.mustPlace(t, s.customer(t), fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	admin := s.Tokens.Admin(t)
	s.mustAddNote(t, admin, o.ID, "the first")
	for range note.MaxNotes - 3 { // as many as leave room for two
		id := uuid.Must(uuid.NewV7())
		if _, err := s.DB.ExecContext(t.Context(), `
			INSERT INTO order_note (order_id, id, body, author_kind, author_role, version, created_at, updated_at)
			SELECT order_id, ?, body, author_kind, author_role, version, created_at, updated_at
			FROM order_note
			WHERE order_id = ?
			LIMIT 1`, id[:], o.ID[:]); err != nil {
			t.Fatal(err)
		}
	}
	statuses := make([]int, 6)
	var group sync.WaitGroup
	for i := range statuses {
		group.Go(func() {
			statuses[i] = s.note(t, admin, http.MethodPost, o.ID, "", "", fixtures.Object{"text": "another"}).Status
		})
	}
	group.Wait()
	created := 0
	for _, status := range statuses {
		if status == http.StatusCreated {
			created++
		} else if status != http.StatusConflict {
			t.Errorf("got %d", status)
		}
	}
	if created != 2 || s.mustCountNotes(t, o.ID) != note.MaxNotes {
		t.Errorf("%d notes were created, there are %d", created, s.mustCountNotes(t, o.ID))
	}
	s.note(t, admin, http.MethodPost, o.ID, "", "", fixtures.Object{"text": "another"}).MustBeProblem(t, http.StatusConflict, "too_many_notes")
}

// TestNotesInTrail requires an entry for each change of a note, with the caller and without the text.
func TestNotesInTrail(t *testing.T) {
	t.Parallel()
	s := open(t)
	o := s.mustPlace(t, s.customer(t), fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	admin := s.Tokens.Admin(t)
	n := s.mustAddNote(t, admin, o.ID, "canary one")
	path := "/" + n.ID.String()
	s.note(t, admin, http.MethodPatch, o.ID, path, `"1"`, fixtures.Object{"text": "canary two"}).MustBe(t, http.StatusOK)
	s.note(t, admin, http.MethodDelete, o.ID, path, `"2"`, nil).MustBe(t, http.StatusNoContent)
	response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/orders?resource=order&resourceId=" + o.ID.String(), Token: admin}).MustBe(t, http.StatusOK)
	var page struct{ Items []trail.Entry }
	response.Into(t, &page)
	var got []string
	for _, e := range page.Items {
		if strings.HasPrefix(e.Operation, "order-note-") {
			fields := map[string]any{}
			for _, c := range e.Changes {
				fields[c.Field] = c.After
			}
			if e.Actor.Kind != trail.Staff || fields["noteId"] != n.ID.String() {
				t.Errorf("the entry of %s is %+v", e.Operation, e)
			}
			got = append(got, e.Operation+" "+fields["action"].(string))
		}
	}
	if want := "order-note-delete deleted, order-note-update updated, order-note-create created"; strings.Join(got, ", ") != want {
		t.Errorf("the entries are %q, want %q", got, want)
	}
	if strings.Contains(string(response.Body), "canary") {
		t.Errorf("the trail has the text: %s", response.Body)
	}
}
