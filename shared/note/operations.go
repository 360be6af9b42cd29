package note

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

// action is what was done with a note, in the trail. Its text is not: it may be personal, and entries
// remain when the resource is erased.
type action string

const (
	created action = "created"
	updated action = "updated"
	deleted action = "deleted"
)

// Create creates a note by the caller. It locks the resource, so that concurrent notes do not exceed
// MaxNotes, and none is created while the resource is erased.
func (s Subject) Create(ctx context.Context, tx *database.Tx, in *CreateInput, now time.Time) (*Response, error) {
	if err := s.lock(ctx, tx, in.ID); err != nil {
		return nil, err
	}
	return s.CreateOnLocked(ctx, tx, in, now)
}

// CreateOnLocked is Create for a resource that the transaction has locked.
func (s Subject) CreateOnLocked(ctx context.Context, tx *database.Tx, in *CreateInput, now time.Time) (*Response, error) {
	count, err := s.count(ctx, tx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("count the notes on %s %s: %w", s.Resource, in.ID, err)
	}
	if count >= MaxNotes {
		return nil, api.NewProblem(http.StatusConflict, CodeTooMany, "The %s has %d notes, which is the limit. Delete one, or add to one.", s.Resource, count)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create the id of a note: %w", err)
	}
	n := Note{ID: id, Text: in.Body.Text, Author: trail.NewEntryActor(trail.ActorFrom(ctx)), Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := s.insert(ctx, tx, in.ID, &n); err != nil {
		return nil, fmt.Errorf("insert a note on %s %s: %w", s.Resource, in.ID, err)
	}
	response := newResponse(n)
	response.Location = s.Path + "/" + in.ID.String() + "/notes/" + n.ID.String()
	return response, s.record(ctx, tx, in.ID, n.ID, created, now)
}

// List returns a page of the notes on a resource, newest first.
func (s Subject) List(ctx context.Context, q database.Queryer, in *ListInput) (*ListOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	notes, err := s.selectNotes(ctx, q, in.ID, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list the notes on %s %s: %w", s.Resource, in.ID, err)
	}
	if len(notes) == 0 {
		if err := s.requireResource(ctx, q, in.ID); err != nil {
			return nil, err
		}
	}
	page, err := api.NewPage(in.PageQuery, notes, func(n Note) any { return n.ID })
	if err != nil {
		return nil, fmt.Errorf("list the notes on %s %s: %w", s.Resource, in.ID, err)
	}
	return &ListOutput{Body: page}, nil
}

// All returns all notes on a resource, newest first; none if there is no resource.
func (s Subject) All(ctx context.Context, q database.Queryer, id uuid.UUID) ([]Note, error) {
	notes, err := s.selectNotes(ctx, q, id, uuid.Max, MaxNotes)
	if err != nil {
		return nil, fmt.Errorf("read the notes on %s %s: %w", s.Resource, id, err)
	}
	return notes, nil
}

// Update changes a note. Its author remains the one who has created it.
func (s Subject) Update(ctx context.Context, tx *database.Tx, in *UpdateInput, now time.Time) (*Response, error) {
	n, err := s.lockNote(ctx, tx, in.ID, in.NoteID)
	if err != nil {
		return nil, err
	}
	if err := in.Check(n.Version); err != nil {
		return nil, err
	}
	if in.Body.Text == nil || *in.Body.Text == n.Text {
		return newResponse(n), nil
	}
	n.Text, n.Version, n.UpdatedAt = *in.Body.Text, n.Version+1, now
	if err := s.update(ctx, tx, in.ID, &n); err != nil {
		return nil, fmt.Errorf("update note %s on %s %s: %w", n.ID, s.Resource, in.ID, err)
	}
	return newResponse(n), s.record(ctx, tx, in.ID, n.ID, updated, now)
}

// Delete deletes a note.
func (s Subject) Delete(ctx context.Context, tx *database.Tx, in *DeleteInput, now time.Time) error {
	n, err := s.lockNote(ctx, tx, in.ID, in.NoteID)
	if err != nil {
		return err
	}
	if err := in.Check(n.Version); err != nil {
		return err
	}
	if err := s.delete(ctx, tx, in.ID, n.ID); err != nil {
		return fmt.Errorf("delete note %s on %s %s: %w", n.ID, s.Resource, in.ID, err)
	}
	return s.record(ctx, tx, in.ID, n.ID, deleted, now)
}

// record records in the trail what was done with a note.
func (s Subject) record(ctx context.Context, tx *database.Tx, id, noteID uuid.UUID, done action, now time.Time) error {
	return trail.Record(ctx, tx, trail.Change{Resource: s.Resource, ID: id, After: trail.Fields{"noteId": noteID, "action": done}, At: now})
}

// lockNote returns a note and locks it until the transaction ends. It returns a problem if there is none,
// or no resource.
func (s Subject) lockNote(ctx context.Context, tx *database.Tx, id, noteID uuid.UUID) (Note, error) {
	n, err := s.getLocked(ctx, tx, id, noteID)
	switch {
	case errors.Is(err, database.ErrNotFound):
		if err := s.requireResource(ctx, tx, id); err != nil {
			return n, err
		}
		return n, api.NotFound("note", noteID)
	case err != nil:
		return n, fmt.Errorf("lock note %s on %s %s: %w", noteID, s.Resource, id, err)
	}
	return n, nil
}

// lock locks a resource until the transaction ends. It returns a problem if there is none.
func (s Subject) lock(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	return s.require(ctx, tx, id, ` FOR UPDATE`)
}

// requireResource returns a problem if there is no resource with an id.
func (s Subject) requireResource(ctx context.Context, q database.Queryer, id uuid.UUID) error {
	return s.require(ctx, q, id, ``)
}
