package note

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

func requireProblem(t *testing.T, err error, status int, code string) {
	t.Helper()
	if p, isProblem := errors.AsType[*api.Problem](err); !isProblem || p.Status != status || p.Code != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	ship, other, account, missing := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	db := mustOpen(t, ship, other)
	ctx := by(t, account)
	create := func(id uuid.UUID, text string) (created *Response, err error) {
		in := CreateInput{ID: id}
		in.Body.Text = text
		return created, db.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
			created, err = ships.Create(ctx, tx, &in, start)
			return err
		})
	}
	first, err := create(ship, "first")
	if err != nil {
		t.Fatal(err)
	}
	want := Note{ID: first.Body.ID, Text: "first", Author: trail.EntryActor{Kind: trail.Staff, ID: &account, Role: "keeper"}, Version: 1, CreatedAt: start, UpdatedAt: start}
	if diff := cmp.Diff(want, first.Body); diff != "" || first.ETag != `"1"` || first.Location != "/v1/ships/"+ship.String()+"/notes/"+first.Body.ID.String() {
		t.Errorf("the ETag is %s, the location %s, the note differs (-want +got):\n%s", first.ETag, first.Location, diff)
	}
	if _, err := create(other, "on another ship"); err != nil {
		t.Fatal(err)
	}
	_, err = create(missing, "on none")
	requireProblem(t, err, http.StatusNotFound, "ship_not_found")

	text, later := "changed", start.Add(time.Hour)
	update := func(id, noteID uuid.UUID, match string) (updated *Response, err error) {
		in := UpdateInput{ID: id, NoteID: noteID, IfMatch: api.IfMatch{IfMatch: match}}
		in.Body.Text = &text
		return updated, db.InTx(by(t, uuid.New()), func(ctx context.Context, tx *database.Tx) (err error) {
			updated, err = ships.Update(ctx, tx, &in, later)
			return err
		})
	}
	updated, err := update(ship, first.Body.ID, `"1"`)
	want.Text, want.Version, want.UpdatedAt = text, 2, later
	if err != nil || updated.Body.Version != 2 {
		t.Fatalf("got %+v: %v", updated, err)
	}
	for code, ids := range map[string][2]uuid.UUID{"note_not_found": {other, first.Body.ID}, "ship_not_found": {missing, first.Body.ID}} {
		_, err := update(ids[0], ids[1], "*")
		requireProblem(t, err, http.StatusNotFound, code)
	}
	_, err = update(ship, first.Body.ID, `"1"`)
	requireProblem(t, err, http.StatusPreconditionFailed, "version_mismatch")

	list, err := ships.List(t.Context(), db, &ListInput{ID: ship})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Note{want}, list.Body.Items); diff != "" {
		t.Errorf("the stored notes differ (-want +got):\n%s", diff)
	}

	remove := func(match string) error {
		return db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			return ships.Delete(ctx, tx, &DeleteInput{ID: ship, NoteID: first.Body.ID, IfMatch: api.IfMatch{IfMatch: match}}, later)
		})
	}
	requireProblem(t, remove(`"1"`), http.StatusPreconditionFailed, "version_mismatch")
	if err := remove(`"2"`); err != nil {
		t.Fatal(err)
	}
	requireProblem(t, remove(`*`), http.StatusNotFound, "note_not_found")
	if list, err = ships.List(t.Context(), db, &ListInput{ID: ship}); err != nil || len(list.Body.Items) != 0 {
		t.Errorf("after the deletion: %+v, %v", list, err)
	}
	for id, want := range map[uuid.UUID]int{other: 1, ship: 0, missing: 0} {
		if all, err := ships.All(t.Context(), db, id); err != nil || len(all) != want {
			t.Errorf("ship %s has the notes %+v, want %d: %v", id, all, want, err)
		}
	}
	_, err = ships.List(t.Context(), db, &ListInput{ID: missing})
	requireProblem(t, err, http.StatusNotFound, "ship_not_found")
}

// TestEraseAuthor requires that only the notes of the account lose their author.
func TestEraseAuthor(t *testing.T) {
	t.Parallel()
	ship, leaving, staying := uuid.New(), uuid.New(), uuid.New()
	db := mustOpen(t, ship)
	for _, account := range []uuid.UUID{leaving, staying} {
		mustInTx(by(t, account), t, db, func(ctx context.Context, tx *database.Tx) error {
			in := CreateInput{ID: ship}
			in.Body.Text = "text"
			_, err := ships.Create(ctx, tx, &in, start)
			return err
		})
	}
	mustInTx(t.Context(), t, db, func(ctx context.Context, tx *database.Tx) error { return ships.EraseAuthor(ctx, tx, leaving) })
	list, err := ships.List(t.Context(), db, &ListInput{ID: ship})
	if err != nil || len(list.Body.Items) != 2 {
		t.Fatalf("got %+v: %v", list, err)
	}
	if newer, older := list.Body.Items[0].Author, list.Body.Items[1].Author; newer.ID == nil || *newer.ID != staying || older.ID != nil || older.Kind != trail.Staff {
		t.Errorf("the authors are %+v and %+v", newer, older)
	}
}
