package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"

	"github.com/danielgtaylor/huma/v2"
)

// DefaultPageSize is the number of items of a page if the request does not set it.
const DefaultPageSize = 20

// PageQuery is the part of a list's input that selects the page. Pages are selected by
// key, not by offset: page 1,000 costs as much as page 1, and an item that is inserted
// in the meantime neither repeats nor hides another.
type PageQuery struct {
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"100" default:"20" doc:"The maximum number of items to return."`
	PageToken string `query:"pageToken" maxLength:"2048" doc:"The nextPageToken of the previous page. The filters must be the same." example:"IjAxOTljMGRlLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSI"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items         []T    `json:"items" nullable:"false"`
	NextPageToken string `json:"nextPageToken,omitempty" doc:"The token of the next page. Absent on the last page." example:"IjAxOTljMGRlLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSI"`

	encoded []byte // the JSON of the page, nil if it is not encoded yet
}

// Encode returns the page with its JSON, so that several requests with the same page do not
// encode it again. The page must not be changed afterwards.
func (p Page[T]) Encode() (Page[T], error) {
	var text bytes.Buffer
	err := EncodeJSON(&text, p)
	p.encoded = text.Bytes()
	return p, err
}

// EncodedJSON returns the page's JSON, or nil if the page is not encoded yet.
func (p Page[T]) EncodedJSON() []byte { return p.encoded }

// EncodeJSON writes a body as JSON, like huma. It does not encode a body again that has its
// JSON already.
func EncodeJSON(w io.Writer, body any) error {
	if b, ok := body.(interface{ EncodedJSON() []byte }); ok && b.EncodedJSON() != nil {
		_, err := w.Write(b.EncodedJSON())
		return err
	}
	return huma.DefaultJSONFormat.Marshal(w, body)
}

// Cursor decodes the page token into key, a pointer to the type of key that NewPage was
// called with. Without a token it does not change key, which is the beginning of the
// list. A token that NewPage has not encoded, such as one of another list, is a 400.
func (q PageQuery) Cursor(key any) error {
	if q.PageToken == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(q.PageToken)
	if err == nil {
		err = json.Unmarshal(text, key)
	}
	// Unmarshal ignores null and unknown members, which would mean the beginning of the
	// list. So the decoded key must encode to the same token.
	if again, _ := json.Marshal(key); err != nil || !bytes.Equal(again, text) || string(text) == "null" {
		return Invalid("query.pageToken", FieldFormat, "not a token of this list: send the nextPageToken of the previous page unchanged")
	}
	return nil
}

// Limit returns how many rows to read from the database: one more than the page has, so
// that NewPage knows whether another page follows.
func (q PageQuery) Limit() int { return q.size() + 1 }

func (q PageQuery) size() int {
	if q.PageSize == 0 {
		return DefaultPageSize
	}
	return q.PageSize
}

// NewPage returns a page of rows, of which there may be Limit. Key returns the key of a
// row; the next page begins after the last one.
func NewPage[T any](q PageQuery, rows []T, key func(T) any) (Page[T], error) {
	if rows == nil {
		rows = []T{}
	}
	if len(rows) <= q.size() {
		return Page[T]{Items: rows}, nil
	}
	rows = rows[:q.size()]
	return Page[T]{Items: rows}.ContinueAfter(key(rows[len(rows)-1]))
}

// ContinueAfter returns the page with the token of a next page that begins after a key, unless it has
// one. It is for a list that ends a page before it is full, to bound what a request reads.
func (p Page[T]) ContinueAfter(key any) (Page[T], error) {
	if p.NextPageToken != "" {
		return p, nil
	}
	token, err := json.Marshal(key)
	if err != nil {
		return Page[T]{}, err
	}
	p.NextPageToken = base64.RawURLEncoding.EncodeToString(token)
	return p, nil
}
