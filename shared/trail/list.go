package trail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// maxExamined bounds the rows that a page with several filters reads of each source: one filter
// selects rows by an index, and the others select entries among these rows.
const maxExamined = 1000

// ListInput is the input of a service's list of changes.
type ListInput struct {
	api.PageQuery
	Resource   string        `query:"resource" maxLength:"32" doc:"Return only changes of this kind of resource." example:"product"`
	ResourceID uuid.NullUUID `query:"resourceId" format:"uuid" doc:"Return only changes of the resource with this id and of its parts, such as an order with its shipments."`
	Actor      Kind          `query:"actor" enum:"staff,customer,guest,key,function" doc:"Return only changes by this kind of actor." example:"staff"`
	ActorID    uuid.NullUUID `query:"actorId" format:"uuid" doc:"Return only changes by this account or API key."`
	Operation  string        `query:"operation" maxLength:"64" doc:"Return only changes by this function." example:"product-update"`
	From       time.Time     `query:"from" doc:"Return only changes at this time or later." example:"2026-11-01T00:00:00Z"`
	To         time.Time     `query:"to" doc:"Return only changes before this time." example:"2026-12-01T00:00:00Z"`
}

// ListOutput is a page of changes.
type ListOutput struct {
	Body api.Page[Entry]
}

// Filter selects entries. Its zero fields select all.
type Filter struct {
	Resource            string
	ResourceID, ActorID uuid.NullUUID
	Actor               Kind
	Operation           string
	From, To            time.Time
}

func (in *ListInput) filter() Filter {
	return Filter{in.Resource, in.ResourceID, in.ActorID, in.Actor, in.Operation, in.From, in.To}
}

// isSimple reports whether an index has exactly the entries that the filter selects.
func (f Filter) isSimple() bool {
	selected := 0
	for _, set := range []bool{f.ResourceID.Valid, f.ActorID.Valid, f.Operation != ""} {
		if set {
			selected++
		}
	}
	return f.Resource == "" && f.Actor == "" && selected <= 1
}

// matches reports whether the filter selects an entry.
func (f Filter) matches(e *Entry) bool {
	return (f.Resource == "" || f.Resource == e.Resource.Kind) &&
		(!f.ResourceID.Valid || equals(e.Resource.ID, f.ResourceID.UUID)) &&
		(f.Actor == "" || f.Actor == e.Actor.Kind) &&
		(!f.ActorID.Valid || equals(e.Actor.ID, f.ActorID.UUID)) &&
		(f.Operation == "" || f.Operation == e.Operation) &&
		(f.From.IsZero() || !e.At.Before(f.From)) && (f.To.IsZero() || e.At.Before(f.To))
}

func equals(id *uuid.UUID, want uuid.UUID) bool { return id != nil && *id == want }

// Item is an entry of a source.
type Item struct {
	Entry
	// Cursor identifies the item in its source: reading continues behind it.
	Cursor string
}

// Source reads the entries behind a cursor, or from the first one if that is empty: newest first, at
// most limit. It selects them by one of the filter's fields for which it has an index; others may be
// among them. Rows that are entries besides those of the table trail have a source of their own.
type Source func(ctx context.Context, q database.Queryer, f Filter, cursor string, limit int) ([]Item, error)

// ErrCursor is the error of a Source about a cursor that is not its own.
var ErrCursor = errors.New("not a cursor of this source")

// List returns a page of the entries of the table trail and of further sources, by time.
func List(ctx context.Context, q database.Queryer, in *ListInput, further ...Source) (*ListOutput, error) {
	sources := append([]Source{ReadTable}, further...)
	cursors := make([]string, len(sources))
	if err := in.Cursor(&cursors); err != nil {
		return nil, err
	}
	if len(cursors) != len(sources) {
		return nil, invalidToken()
	}
	f, limit := in.filter(), in.Limit()
	if !f.isSimple() || f.Operation != "" && len(further) > 0 { // further sources have no such index
		limit = maxExamined
	}
	read := make([][]Item, len(sources))
	for i, source := range sources {
		var err error
		read[i], err = source(ctx, q, f, cursors[i], limit)
		if errors.Is(err, ErrCursor) {
			return nil, invalidToken()
		}
		if err != nil {
			return nil, fmt.Errorf("list changes: %w", err)
		}
	}
	m := merge{filter: f, limit: limit, read: read, next: make([]int, len(read)), cursors: cursors}
	page, err := m.page(in.Limit() - 1)
	if err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	return &ListOutput{Body: page}, nil
}

func invalidToken() error {
	return api.Invalid("query.pageToken", api.FieldFormat, "not a token of this list: send the nextPageToken of the previous page unchanged")
}

// merge merges the items of sources by time.
type merge struct {
	filter  Filter
	limit   int
	read    [][]Item
	next    []int // the number of items of each source that were merged
	cursors []string
}

// page returns the newest items that the filter selects, with the token of the next page.
func (m *merge) page(size int) (api.Page[Entry], error) {
	page := api.Page[Entry]{Items: []Entry{}}
	for {
		newest, exhausted := m.newest()
		if exhausted || newest >= 0 && len(page.Items) == size {
			return page.ContinueAfter(m.cursors)
		}
		if newest < 0 {
			return page, nil
		}
		item := &m.read[newest][m.next[newest]]
		m.next[newest]++
		m.cursors[newest] = item.Cursor
		if m.filter.matches(&item.Entry) {
			page.Items = append(page.Items, item.Entry)
		}
	}
}

// newest returns the source with the newest item, -1 if there are no more. exhausted reports whether
// the items of a source that may have more are all merged: its next one may be the newest.
func (m *merge) newest() (newest int, exhausted bool) {
	newest = -1
	for i, items := range m.read {
		if m.next[i] == len(items) {
			if len(items) == m.limit {
				return -1, true
			}
			continue
		}
		if newest < 0 || items[m.next[i]].At.After(m.read[newest][m.next[newest]].At) {
			newest = i
		}
	}
	return newest, false
}
