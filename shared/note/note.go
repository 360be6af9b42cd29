// Package note stores notes and tags of resources, such as orders: texts and marks of staff for staff.
// A service has a table of notes and one of tags for a kind of resource, and a Subject with their names.
// See docs/adr/0076.
package note

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/trail"
)

// MaxNotes is the maximum number of notes of a resource.
const MaxNotes = 200

// CodeTooMany is the code of the problem of a resource that has MaxNotes.
const CodeTooMany = "too_many_notes"

// Subject is a kind of resource that has notes and tags. Its tables and columns become parts of statements.
type Subject struct {
	Resource string // the kind, in problems and in the trail, such as order
	Path     string // of the resources, such as /v1/orders
	Table    string // of the resources: its column id is locked while a note is created
	Notes    string // the table of notes
	Tags     string // the table of the tags by which resources are found
	Key      string // the column of Notes and Tags with the id of the resource
	// Personal reports whether the resources are persons: the trail, which outlives them, then has only that
	// their tags have changed.
	Personal bool
}

// Note is a note on a resource.
type Note struct {
	ID        uuid.UUID        `json:"id" format:"uuid"`
	Text      string           `json:"text" example:"Asked for delivery after 5 p.m."`
	Author    trail.EntryActor `json:"author"`
	Version   int64            `json:"version" doc:"The number of the note's current version. It is also the ETag." example:"1"`
	CreatedAt time.Time        `json:"createdAt"`
	UpdatedAt time.Time        `json:"updatedAt"`
}

// Response is a response that contains one note.
type Response = api.Resource[Note]

func newResponse(n Note) *Response { return &Response{ETag: api.ETag(n.Version), Body: n} }

// CreateInput is the input of an operation that creates a note.
type CreateInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Text string `json:"text" format:"multiline" minLength:"1" maxLength:"2000" doc:"The note, as free text." example:"Asked for delivery after 5 p.m."`
	}
}

// ListInput is the input of an operation that lists the notes on a resource.
type ListInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.PageQuery
}

// ListOutput is a page of notes.
type ListOutput struct {
	Body api.Page[Note]
}

// UpdateInput is the input of an operation that changes a note.
type UpdateInput struct {
	ID     uuid.UUID `path:"id" format:"uuid"`
	NoteID uuid.UUID `path:"noteId" format:"uuid"`
	api.IfMatch
	Body struct {
		Text *string `json:"text,omitempty" format:"multiline" minLength:"1" maxLength:"2000" doc:"The note, as free text." example:"Asked for delivery after 6 p.m."`
	}
}

// DeleteInput is the input of an operation that deletes a note.
type DeleteInput struct {
	ID     uuid.UUID `path:"id" format:"uuid"`
	NoteID uuid.UUID `path:"noteId" format:"uuid"`
	api.IfMatch
}
