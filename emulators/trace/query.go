package trace

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// DefaultLimit is the number of traces that a search without a limit returns at most.
const DefaultLimit = 100

// Query selects traces. Zero fields select all.
type Query struct {
	// ID is the id of a trace in hexadecimal, or its beginning.
	ID string
	// Service is the function, or the part of the local cloud, that took part. Then
	// MinDuration and Errors are about its spans, else about the trace.
	Service string
	// MinDuration is the least duration.
	MinDuration time.Duration
	// Errors selects traces in which something failed.
	Errors bool
	// OrderID is the id of an order.
	OrderID string
	// Limit is the largest number of results; 0 means DefaultLimit.
	Limit int
}

// Summary describes a trace in a list.
type Summary struct {
	ID string `json:"id"`
	// Name and Service are those of the root, or of the earliest span without one.
	Name     string        `json:"name"`
	Service  string        `json:"service"`
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration"`
	Spans    int           `json:"spans"`
	Errors   int           `json:"errors"`
	Services []string      `json:"services"`
	Orders   []string      `json:"orders"`
}

// Search returns the traces that a query selects, those that started last first.
func (s *Store) Search(q Query) []Summary {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	q.ID = strings.ToLower(strings.TrimSpace(q.ID))
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*record
	for _, r := range s.order {
		if r.matches(q) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b *record) int { return b.start.Compare(a.start) })
	summaries := make([]Summary, 0, min(limit, len(found)))
	for _, r := range head(found, limit) {
		summaries = append(summaries, r.summary())
	}
	return summaries
}

func (r *record) matches(q Query) bool {
	switch {
	case q.ID != "" && !strings.HasPrefix(hex.EncodeToString(r.id[:]), q.ID),
		q.OrderID != "" && !slices.Contains(r.orders, q.OrderID),
		q.Service != "" && !slices.Contains(r.services, q.Service),
		q.Errors && r.errors == 0,
		r.duration() < q.MinDuration:
		return false
	case q.Service == "" || q.MinDuration == 0 && !q.Errors:
		return true
	}
	return slices.ContainsFunc(r.spans, func(s *Span) bool {
		return s.Service == q.Service && s.Duration() >= q.MinDuration && (s.Error || !q.Errors)
	})
}

func (r *record) summary() Summary {
	root := r.root()
	return Summary{
		ID: r.id.String(), Name: root.Name, Service: root.Service, Start: r.start, Duration: r.duration(),
		Spans: len(r.spans), Errors: r.errors, Services: slices.Clone(r.services), Orders: slices.Clone(r.orders),
	}
}

// root returns the earliest span without a parent, or the earliest one of all.
func (r *record) root() *Span {
	return slices.MinFunc(r.spans, func(a, b *Span) int {
		return cmp.Or(boolRank(a.Parent.IsValid())-boolRank(b.Parent.IsValid()), a.Start.Compare(b.Start))
	})
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Find returns the waterfall of a trace by its id in hexadecimal.
func (s *Store) Find(id string) (Waterfall, bool) {
	parsed, err := trace.TraceIDFromHex(strings.ToLower(strings.TrimSpace(id)))
	if err != nil {
		return Waterfall{}, false
	}
	s.mu.Lock()
	r := s.traces[parsed]
	if r == nil {
		s.mu.Unlock()
		return Waterfall{}, false
	}
	summary, spans := r.summary(), slices.Clone(r.spans)
	s.mu.Unlock()
	return arrange(summary, spans), true
}

// Services returns the names of all services that recorded spans, sorted.
func (s *Store) Services() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]struct{}{}
	for _, r := range s.order {
		for _, name := range r.services {
			seen[name] = struct{}{}
		}
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
