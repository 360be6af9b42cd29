// Package trailmerge merges the trails of the services into one list by time.
package trailmerge

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Entry is a change of a resource, as a service lists it (shared/trail). The values of its fields
// remain as they were received.
type Entry struct {
	Service   string    `json:"service"`
	At        time.Time `json:"at"`
	Operation string    `json:"operation"`
	Actor     Actor     `json:"actor"`
	Resource  Resource  `json:"resource"`
	Changes   []Change  `json:"changes"`
	RequestID string    `json:"requestId,omitempty"`
	TraceID   string    `json:"traceId,omitempty"`
}

// Actor is the initiator of a change.
type Actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Role string `json:"role,omitempty"`
}

// Resource is what was changed.
type Resource struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Change is a change of a field.
type Change struct {
	Field   string          `json:"field"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Omitted string          `json:"omitted,omitempty"`
}

// Page is a page of a service's list. Its last page has no token; others may have no items.
type Page struct {
	Items         []Entry `json:"items"`
	NextPageToken string  `json:"nextPageToken"`
}

// List is the list of a service, newest first.
type List struct {
	Service string
	// Read returns the page of a token, which is empty for the first page.
	Read func(ctx context.Context, token string) (Page, error)
}

// Merger merges lists: their entries by time, each once, and those of one list in its order.
type Merger struct{ cursors []*cursor }

// cursor is a position in a list.
type cursor struct {
	List

	entries []Entry // of the page that was read last, from the position on
	token   string
	ended   bool // the last page was read
}

// New returns a merger of lists. Of entries of the same time, that of the list that is mentioned first is the
// first.
func New(lists ...List) *Merger {
	m := &Merger{}
	for _, l := range lists {
		m.cursors = append(m.cursors, &cursor{List: l})
	}
	return m
}

// Next returns the next entry. found is false after the last one.
func (m *Merger) Next(ctx context.Context) (entry Entry, found bool, err error) {
	if err := m.fill(ctx); err != nil {
		return entry, false, err
	}
	var newest *cursor
	for _, c := range m.cursors {
		if len(c.entries) > 0 && (newest == nil || c.entries[0].At.After(newest.entries[0].At)) {
			newest = c
		}
	}
	if newest == nil {
		return entry, false, nil
	}
	entry, newest.entries = newest.entries[0], newest.entries[1:]
	return entry, true, nil
}

// MayHaveMore reports whether entries remain, as far as that is known without another request.
func (m *Merger) MayHaveMore() bool {
	for _, c := range m.cursors {
		if len(c.entries) > 0 || !c.ended {
			return true
		}
	}
	return false
}

// fill reads, at the same time, a page of each list whose next entry is not known: any of them may be
// the newest.
func (m *Merger) fill(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range m.cursors {
		if len(c.entries) == 0 && !c.ended {
			group.Go(func() error { return c.fill(ctx) })
		}
	}
	return group.Wait()
}

// fill reads pages until one has entries or is the last one.
func (c *cursor) fill(ctx context.Context) error {
	for len(c.entries) == 0 && !c.ended {
		page, err := c.Read(ctx, c.token)
		if err != nil {
			return fmt.Errorf("list the changes of the service %s: %w", c.Service, err)
		}
		c.entries, c.token, c.ended = page.Items, page.NextPageToken, page.NextPageToken == ""
		for i := range c.entries {
			c.entries[i].Service = c.Service
		}
	}
	return nil
}
