package user

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/trail"
)

// Bounds of the trail in an export.
const (
	maxExportedChanges   = 200     // of the account, and as many by it
	exportedChangesBytes = 1 << 18 // of JSON
)

// exportedChange is a change of the account, or by it. Of others it has the kind only: who made the
// change of the account, or which other account was changed.
type exportedChange struct {
	At        time.Time           `json:"at"`
	Operation string              `json:"operation"`
	Actor     trail.Kind          `json:"actor"`
	Resource  trail.EntryResource `json:"resource"`
	Changes   []trail.FieldChange `json:"changes"`
}

// readExportedTrail returns the newest changes of an account and those by it.
func readExportedTrail(ctx context.Context, q database.Queryer, id uuid.UUID) ([]exportedChange, error) {
	account := uuid.NullUUID{UUID: id, Valid: true}
	items, err := trail.ReadTable(ctx, q, trail.Filter{ResourceID: account}, "", maxExportedChanges)
	if err != nil {
		return nil, fmt.Errorf("read the changes of the account: %w", err)
	}
	by, err := trail.ReadTable(ctx, q, trail.Filter{ActorID: account}, "", maxExportedChanges)
	if err != nil {
		return nil, fmt.Errorf("read the changes by the account: %w", err)
	}
	items = append(items, by...)
	slices.SortFunc(items, func(a, b trail.Item) int { return strings.Compare(b.Cursor, a.Cursor) })
	items = slices.CompactFunc(items, func(a, b trail.Item) bool { return a.Cursor == b.Cursor })
	exported, size := []exportedChange{}, 0
	for i := range items {
		change := exportChange(&items[i].Entry, id)
		text, err := json.Marshal(change)
		if err != nil {
			return nil, fmt.Errorf("encode a change: %w", err)
		}
		if size += len(text); size > exportedChangesBytes {
			break
		}
		exported = append(exported, change)
	}
	return exported, nil
}

// exportChange returns an entry without what is about other accounts.
func exportChange(e *trail.Entry, account uuid.UUID) exportedChange {
	change := exportedChange{At: e.At, Operation: e.Operation, Actor: e.Actor.Kind, Resource: e.Resource, Changes: e.Changes}
	if e.Resource.Kind == resourceUser && (e.Resource.ID == nil || *e.Resource.ID != account) {
		change.Resource.ID, change.Changes = nil, []trail.FieldChange{}
	}
	return change
}
