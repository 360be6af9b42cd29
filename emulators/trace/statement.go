package trace

import (
	"cmp"
	"slices"
	"time"
)

// Statement is a kind of SQL statement in the recorded spans: all of one service with the
// same text.
type Statement struct {
	Service string `json:"service"`
	Text    string `json:"text"`
	Count   int64  `json:"count"`
	Errors  int64  `json:"errors"`
	// Total and Max are times as functions see them, the network included.
	Total time.Duration `json:"total"`
	Max   time.Duration `json:"max"`
}

// statementAttributes contain the text of a statement, the current name first.
var statementAttributes = []string{"db.query.text", "db.statement"}

// Query returns the SQL statement of a span, "" if it is no statement.
func (s *Span) Query() string {
	for _, key := range statementAttributes {
		if text := s.Attribute(key); text != "" {
			return text
		}
	}
	return ""
}

// Statements returns the recorded statements, those with the most total time first.
func (s *Store) Statements(limit int) []Statement {
	type key struct{ service, text string }
	found := map[key]*Statement{}
	s.mu.Lock()
	for _, r := range s.order {
		for _, span := range r.spans {
			text := span.Query()
			if text == "" {
				continue
			}
			k := key{span.Service, text}
			if found[k] == nil {
				found[k] = &Statement{Service: span.Service, Text: text}
			}
			found[k].add(span)
		}
	}
	s.mu.Unlock()
	statements := make([]Statement, 0, len(found))
	for _, statement := range found {
		statements = append(statements, *statement)
	}
	slices.SortFunc(statements, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Service, b.Service))
	})
	return head(statements, limit)
}

func (s *Statement) add(span *Span) {
	s.Count++
	s.Total += span.Duration()
	s.Max = max(s.Max, span.Duration())
	if span.Error {
		s.Errors++
	}
}
