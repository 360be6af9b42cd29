package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/emulators/console/shoptrail"
	"souk/functions"
	"souk/shared/api"
	"souk/shared/trail"
)

const (
	// trailPeriod is how often the changes are read again.
	trailPeriod = 2 * time.Second
	// trailPageSize is the number of changes on a page.
	trailPageSize = 50
	// newestChanges is the number of changes on the page of a resource.
	newestChanges = 5
	// maxTrailValue is the most characters of a value that are shown.
	maxTrailValue = 200
)

func trailPage(c *Console) page {
	return page{
		name: "trail", title: "Trail", text: "Who changed what, newest first",
		view: c.viewTrail, events: c.trailEvents,
	}
}

// trailView is the data of the page.
type trailView struct {
	Unknown                 bool
	Kinds                   []string
	Functions               []string
	Resource, ID, Operation string
	List                    changeList
}

type changeList struct {
	Error string
	Rows  []changeRow
	// Older is the link to the next page, Newest that from a later page to the first.
	Older, Newest string
	Filtered      bool
}

// changeRow is a change of a resource.
type changeRow struct {
	At, Key, Operation string
	// Function reports whether functions.yaml has the operation.
	Function bool
	// Who is the role or kind of the actor, and WhoID its id.
	Who, WhoID string
	// Kind is that of the resource; ID is its id or name, Filter the link to its changes.
	Kind, ID, Filter string
	// Order is the order that the resource is or belongs to, TraceID the recorded trace.
	Order, TraceID string
	Fields         []changedField
}

type changedField struct{ Name, Before, After, Note string }

// errResourceID is the error of an id that is none, errPageToken that of a link that is not one of the page's.
var (
	errResourceID = errors.New("the id of a resource is a UUID")
	errPageToken  = errors.New("the link leads to no page of this list: begin with the newest changes")
)

// trailInput returns the filter in the query of a request.
func trailInput(query url.Values) (*trail.ListInput, error) {
	in := &trail.ListInput{
		PageQuery: api.PageQuery{PageSize: trailPageSize, PageToken: query.Get("after")},
		Resource:  query.Get("resource"), Operation: strings.TrimSpace(query.Get("operation")),
	}
	if text := strings.TrimSpace(query.Get("id")); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, errResourceID
		}
		in.ResourceID = uuid.NullUUID{UUID: id, Valid: true}
	}
	return in, nil
}

func (c *Console) listChanges(r *http.Request) changeList {
	query := r.URL.Query()
	list := changeList{Filtered: query.Get("resource")+query.Get("id")+query.Get("operation") != ""}
	after := query.Has("after")
	query.Del("after")
	if after {
		list.Newest = "/trail?" + query.Encode()
	}
	in, err := trailInput(r.URL.Query())
	if err != nil {
		list.Error = err.Error()
		return list
	}
	page, err := shoptrail.List(r.Context(), c.databases.Databases(), c.options.Trails, in)
	if _, invalid := errors.AsType[*api.Problem](err); invalid { // the token is the only input that it checks
		err = errPageToken
	}
	if err != nil {
		list.Error = err.Error()
		return list
	}
	for _, e := range page.Items {
		list.Rows = append(list.Rows, c.newChangeRow(e))
	}
	if page.NextPageToken != "" {
		query.Set("after", page.NextPageToken)
		list.Older = "/trail?" + query.Encode()
	}
	return list
}

// newestChanges returns the newest changes of a resource and its parts.
func (c *Console) newestChanges(r *http.Request, id uuid.UUID) (list changeList) {
	in := &trail.ListInput{PageQuery: api.PageQuery{PageSize: newestChanges}, ResourceID: uuid.NullUUID{UUID: id, Valid: true}}
	page, err := shoptrail.List(r.Context(), c.databases.Databases(), c.options.Trails, in)
	if err != nil {
		list.Error = err.Error()
	}
	for _, e := range page.Items {
		list.Rows = append(list.Rows, c.newChangeRow(e))
	}
	return list
}

func (c *Console) newChangeRow(e trail.Entry) changeRow {
	row := changeRow{
		At: e.At.Local().Format("02 Jan 15:04:05.000"), Operation: e.Operation,
		Who: cmp.Or(e.Actor.Role, string(e.Actor.Kind)), Kind: e.Resource.Kind, ID: e.Resource.Name,
	}
	_, row.Function = c.options.Manifest.Function(e.Operation)
	if e.Actor.ID != nil {
		row.WhoID = e.Actor.ID.String()
	}
	if e.Resource.ID != nil {
		row.ID = e.Resource.ID.String()
		row.Filter = "/trail?" + url.Values{"id": {row.ID}}.Encode()
		if row.Kind == "order" || row.Kind == "payment" { // a payment has the id of its order
			row.Order = row.ID
		}
	}
	row.Key = e.At.Format(time.RFC3339Nano) + " " + e.Operation + " " + row.ID
	if c.options.Traces != nil && e.TraceID != "" {
		if _, recorded := c.options.Traces.Find(e.TraceID); recorded {
			row.TraceID = e.TraceID
		}
	}
	for _, f := range e.Changes {
		row.Fields = append(row.Fields, newChangedField(f))
	}
	return row
}

// omissions describe why an entry does not have values.
var omissions = map[trail.Omission]string{
	trail.OmittedPersonal: "personal", trail.OmittedTooLong: "long", trail.OmittedTooMany: "further fields",
}

func newChangedField(f trail.FieldChange) changedField {
	if f.Omitted != "" {
		return changedField{Name: f.Field, Note: cmp.Or(omissions[f.Omitted], string(f.Omitted))}
	}
	return changedField{Name: f.Field, Before: trailValue(f.Before), After: trailValue(f.After)}
}

// trailValue returns a value of an entry as text: a text without quotes, other values as JSON.
func trailValue(value any) string {
	text, isText := value.(string)
	switch {
	case value == nil:
		return "–"
	case !isText:
		encoded, err := json.Marshal(value)
		if err != nil {
			return err.Error()
		}
		text = string(encoded)
	}
	return cut(text, maxTrailValue)
}

func (c *Console) viewTrail(r *http.Request) (any, error) {
	query := r.URL.Query()
	v := trailView{
		Unknown: c.databases == nil, Kinds: slices.Sorted(maps.Keys(functions.TrailResources)),
		Resource: query.Get("resource"), ID: query.Get("id"), Operation: query.Get("operation"),
	}
	for _, f := range c.options.Manifest.Functions {
		v.Functions = append(v.Functions, f.Name)
	}
	if !v.Unknown {
		v.List = c.listChanges(r)
	}
	return v, nil
}

// trailEvents sends the changes that the query selects.
func (c *Console) trailEvents(r *http.Request, s *stream) error {
	return s.every(trailPeriod, func() error {
		if c.databases == nil {
			return nil
		}
		return c.sendFragment(s, "trail", "changes", c.listChanges(r))
	})
}
