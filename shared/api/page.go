package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// DefaultPageSize is the number of items of a page when the caller names none.
const DefaultPageSize = 20

// PageQuery is the part of a list's input that pages it. Pages are cut by key,
// not by offset: page 1,000 costs what page 1 does, and an item inserted while
// someone pages is neither shown twice nor does it hide another.
type PageQuery struct {
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"100" default:"20" doc:"The most items to return."`
	PageToken string `query:"pageToken" maxLength:"2048" doc:"The nextPageToken of the page before, with the same filters." example:"IjAxOTljMGRlLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSI"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items         []T    `json:"items" nullable:"false"`
	NextPageToken string `json:"nextPageToken,omitempty" doc:"The next page's token. Absent on the last page." example:"IjAxOTljMGRlLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSI"`
}

// Cursor reads the key that the page token holds into key, a pointer to a key of
// NewPage's. Without a token key keeps its value: the list's beginning. A token
// that NewPage does not write, such as another list's, is a 400.
func (q PageQuery) Cursor(key any) error {
	if q.PageToken == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(q.PageToken)
	if err == nil {
		err = json.Unmarshal(text, key)
	}
	// Unmarshal takes null, and an object of other members, for no key at all: the
	// list's beginning. What it has read must write the same token again.
	if again, _ := json.Marshal(key); err != nil || !bytes.Equal(again, text) || string(text) == "null" {
		return Invalid("query.pageToken", FieldFormat, "not a token of this list: send the nextPageToken of the page before, unchanged")
	}
	return nil
}

// Limit returns how many rows to ask the database for: one more than a page
// holds, so that NewPage sees whether another page follows.
func (q PageQuery) Limit() int { return q.size() + 1 }

func (q PageQuery) size() int {
	if q.PageSize == 0 {
		return DefaultPageSize
	}
	return q.PageSize
}

// NewPage makes a page of rows, of which there may be Limit. Key returns the key
// of a row that the next page begins after.
func NewPage[T any](q PageQuery, rows []T, key func(T) any) (Page[T], error) {
	if rows == nil {
		rows = []T{}
	}
	if len(rows) <= q.size() {
		return Page[T]{Items: rows}, nil
	}
	rows = rows[:q.size()]
	token, err := json.Marshal(key(rows[len(rows)-1]))
	if err != nil {
		return Page[T]{}, err
	}
	return Page[T]{Items: rows, NextPageToken: base64.RawURLEncoding.EncodeToString(token)}, nil
}
