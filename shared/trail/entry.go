package trail

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// Entry is a change of a resource.
type Entry struct {
	At        time.Time     `json:"at"`
	Operation string        `json:"operation" doc:"The name of the function that made the change." example:"product-update"`
	Actor     EntryActor    `json:"actor"`
	Resource  EntryResource `json:"resource"`
	Changes   []FieldChange `json:"changes" nullable:"false" doc:"The fields that have changed, without secrets and personal data."`
	RequestID string        `json:"requestId,omitempty" doc:"The X-Request-Id of the request. It is in the logs." example:"0199c0de-0000-7000-8000-0000000000a1"`
	TraceID   string        `json:"traceId,omitempty" doc:"The trace of the request, and of the events that it has caused." example:"4bf92f3577b34da6a3ce929d0e0e4736"`
}

// EntryActor is who has made a change.
type EntryActor struct {
	Kind Kind       `json:"kind" enum:"staff,customer,guest,key,function" doc:"staff: an account with a role in the shop. guest: the holder of a checkout's token. key: a machine with an API key. function: the operation itself, which an event, the schedule or an unknown client has triggered."`
	ID   *uuid.UUID `json:"id,omitempty" format:"uuid" doc:"The id of the account, of the key, or of the guest's checkout. It is absent for a function, and for an account that was deleted since."`
	Role string     `json:"role,omitempty" doc:"The role of the account at the time of the change." example:"manager"`
}

// EntryResource is what was changed.
type EntryResource struct {
	Kind string     `json:"kind" example:"product"`
	ID   *uuid.UUID `json:"id,omitempty" format:"uuid" doc:"It is absent for a resource of which there is one, for one with a name, and for an account that was deleted since."`
	Name string     `json:"name,omitempty" doc:"The name of a resource that has no id." example:"support"`
}

// NewEntryActor returns an actor for an Entry.
func NewEntryActor(a Actor) EntryActor {
	return EntryActor{Kind: a.Kind, ID: known(a.ID), Role: string(a.Role)}
}

// NewEntryResource returns a resource with an id for an Entry.
func NewEntryResource(kind string, id uuid.UUID) EntryResource {
	return EntryResource{Kind: kind, ID: known(id)}
}

// known returns an id, or nil for uuid.Nil.
func known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

const columns = `id, changed_at, operation, resource, resource_id, resource_name, actor, actor_id, actor_role, changes, request_id, trace_id`

func scanItem(row database.Scanner) (Item, error) {
	var id, resourceID uuid.UUID
	var actorID uuid.NullUUID
	var changes []byte
	var e Entry
	err := row.Scan(&id, &e.At, &e.Operation, &e.Resource.Kind, &resourceID, &e.Resource.Name, &e.Actor.Kind, &actorID, &e.Actor.Role, &changes, &e.RequestID, &e.TraceID)
	if err != nil {
		return Item{}, err
	}
	e.Resource.ID, e.Actor.ID = known(resourceID), known(actorID.UUID)
	if e.Changes, err = decodeFields(changes); err != nil {
		return Item{}, fmt.Errorf("decode the changes of entry %s: %w", id, err)
	}
	return Item{Entry: e, Cursor: id.String()}, nil
}

// ReadTable is the Source of the table trail of a database.
func ReadTable(ctx context.Context, q database.Queryer, f Filter, cursor string, limit int) ([]Item, error) {
	before := uuid.Max
	if !f.To.IsZero() {
		before = firstID(f.To.Add(time.Millisecond)) // entries of the same millisecond may be earlier
	}
	if cursor != "" {
		var err error
		if before, err = uuid.Parse(cursor); err != nil {
			return nil, ErrCursor
		}
	}
	index, where, args := `PRIMARY`, `id < ?`, []any{before[:]}
	switch {
	case f.ResourceID.Valid:
		index, where, args = `trail_by_resource`, where+` AND resource_id = ?`, append(args, f.ResourceID.UUID[:])
	case f.ActorID.Valid:
		index, where, args = `trail_by_actor`, where+` AND actor_id = ?`, append(args, f.ActorID.UUID[:])
	case f.Operation != "":
		index, where, args = `trail_by_operation`, where+` AND operation = ?`, append(args, f.Operation)
	}
	if !f.From.IsZero() {
		from := firstID(f.From)
		where, args = where+` AND id >= ?`, append(args, from[:])
	}
	return database.Collect(ctx, q, scanItem, `
		SELECT `+columns+`
		FROM trail FORCE INDEX (`+index+`)
		WHERE `+where+`
		ORDER BY id DESC
		LIMIT ?`, append(args, limit)...)
}

// LockResources returns the ids of the resources that an account has changed by operations since a
// time, and locks the entries for reading until the transaction ends.
func LockResources(ctx context.Context, tx *database.Tx, actorID uuid.UUID, since time.Time, operations ...string) ([]uuid.UUID, error) {
	first := firstID(since)
	args := []any{actorID[:], first[:]}
	for _, operation := range operations {
		args = append(args, operation)
	}
	return database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT DISTINCT resource_id
		FROM trail FORCE INDEX (trail_by_actor)
		WHERE actor_id = ? AND id >= ? AND operation IN (`+database.Placeholders(len(operations))+`)
		LOCK IN SHARE MODE`, args...)
}
