// Package trail records who changed what. A change of a resource and its entry in the table
// trail, which every service's database has, are one transaction. See docs/adr/0070.
//
// What an entry has of a resource is an allow-list: see Fields. Secrets never enter, and of personal
// data only that it has changed.
package trail

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations create the table of changes. Every service's database has it.
var Migrations = database.Migrations{Name: "trail", FS: files}

// Retention is for how long entries are stored: three years, to the end of the usual limitation
// period of claims.
const Retention = 3 * 365 * 24 * time.Hour

// Bounds of the texts of an entry, in characters: the sizes of their columns.
const (
	maxResource = 32
	maxName     = 64
)

// maxRows bounds the entries that one statement inserts.
const maxRows = 500

// Change is a change of a resource. Who changed it, by which operation, and in which request and
// trace, is in the context.
type Change struct {
	// Resource is the kind of the resource, such as product. Its parts are changes of the
	// resource, too: a shipment is one of its order.
	Resource string
	// ID identifies the resource. It is uuid.Nil for a resource of which there is one, such as the
	// shop's settings, and for one that has a Name instead.
	ID   uuid.UUID
	Name string
	// Before and After are Fields or structs whose fields have a tag trail. Before is nil if the
	// resource was created, After if it was deleted, and both are for an operation without fields.
	// A change whose fields are equal is not recorded.
	Before, After any
	At            time.Time
	// Context is that of the request or message that causes the change, if a transaction has
	// several; nil is Record's.
	Context context.Context //nolint:containedctx // of a message of a batch
}

// Record records changes in the transaction that makes them, by one statement.
func Record(ctx context.Context, tx *database.Tx, changes ...Change) error {
	rows := make([][]any, 0, len(changes))
	for i := range changes {
		row, err := changes[i].row(ctx)
		if err != nil {
			return fmt.Errorf("record the change of %s %s: %w", changes[i].Resource, changes[i].ID, err)
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	for len(rows) > 0 {
		n := min(len(rows), maxRows)
		if err := database.InsertRows(ctx, tx, "trail ("+columns+")", "", rows[:n]); err != nil {
			return fmt.Errorf("record %d changes: %w", n, err)
		}
		rows = rows[n:]
	}
	return nil
}

// row returns the row of a change, or nil if nothing has changed.
func (c *Change) row(ctx context.Context) ([]any, error) {
	switch {
	case c.Resource == "" || len(c.Resource) > maxResource || len(c.Name) > maxName:
		return nil, errors.New("the change has no resource, or the name of one that is too long")
	case c.At.IsZero():
		return nil, errors.New("the change has no time")
	}
	fields, err := compare(c.Before, c.After)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 && c.Before != nil && c.After != nil {
		return nil, nil
	}
	if c.Context != nil {
		ctx = c.Context
	}
	text, err := encodeFields(fields)
	if err != nil {
		return nil, err
	}
	id, err := newID(c.At)
	if err != nil {
		return nil, err
	}
	actor, origin := ActorFrom(ctx), OriginFrom(ctx)
	return []any{
		id[:], c.At, origin.Operation, c.Resource, c.ID[:], c.Name,
		actor.Kind, nullable(actor.ID), actor.Role, text, origin.RequestID, origin.TraceID,
	}, nil
}

// nullable returns the value of a nullable column for an id: NULL for uuid.Nil.
func nullable(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

// Erase removes an account from the entries: as the one who made changes, and as the resource
// that was changed. The entries remain.
func Erase(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE trail
		SET actor_id = NULL, request_id = ''
		WHERE actor_id = ?`, userID[:])
	if err == nil {
		_, err = tx.ExecContext(ctx, `
			UPDATE trail
			SET resource_id = ?, request_id = ''
			WHERE resource_id = ?`, uuid.Nil[:], userID[:])
	}
	if err != nil {
		return fmt.Errorf("erase account %s from the trail: %w", userID, err)
	}
	return nil
}

// EraseGuests removes the guests who made changes from the entries of resources. The entries remain.
func EraseGuests(ctx context.Context, tx *database.Tx, resourceIDs []uuid.UUID) error {
	if len(resourceIDs) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE trail
		SET actor_id = NULL, request_id = ''
		WHERE resource_id IN (`+database.Placeholders(len(resourceIDs))+`) AND actor = ?`, append(database.IDs(resourceIDs), Guest)...)
	if err != nil {
		return fmt.Errorf("erase the guests of %d resources from %s from the trail: %w", len(resourceIDs), resourceIDs[0], err)
	}
	return nil
}

// Prune deletes the entries whose retention has ended.
func Prune(ctx context.Context, db *database.DB, now time.Time) error {
	before := firstID(now.Add(-Retention))
	for {
		deleted, err := database.AffectedRows(db.ExecContext(ctx, `DELETE FROM trail WHERE id < ? ORDER BY id LIMIT ?`, before[:], maxRows))
		if err != nil {
			return fmt.Errorf("delete old entries of the trail: %w", err)
		}
		if deleted < maxRows {
			return nil
		}
	}
}
