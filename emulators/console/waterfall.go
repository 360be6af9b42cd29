package console

import (
	"cmp"
	"strings"
	"time"

	"souk/emulators/trace"
)

// waterfall is a trace as it is drawn.
type waterfall struct {
	ID, Name, Service, Start, Duration string
	Spans, Errors, Functions           int
	Orders                             []string
	Ticks                              []tick
	Rows                               []spanRow
	// Omitted is the number of spans that are not drawn.
	Omitted int
	// Parts are the categories of the spans with their time.
	Parts []tracePart
}

// tick is a mark of the time axis.
type tick struct{ X, Anchor, Label string }

// tracePart is the time of one category of spans. Spans that overlap count once each.
type tracePart struct {
	Category trace.Category
	Title    string
	Count    int
	Time     string
}

// categoryTitles are the names of categories in the legend.
var categoryTitles = map[trace.Category]string{
	trace.Request: "HTTP", trace.Process: "Event", trace.SQL: "SQL", trace.Publish: "Publish", trace.Wait: "Pub/Sub wait",
	trace.Push: "Push", trace.Mail: "Mail", trace.Start: "Cold start", trace.Internal: "Internal",
}

// spanRow is a span as it is drawn.
type spanRow struct {
	ID, Name, Service, Duration, Self, Offset string
	Category                                  trace.Category
	Title                                     string // of the category
	// Level is the depth from 1; Guides has an element for each ancestor.
	Level    int
	Guides   []struct{}
	X, Width string
	Children bool
	Error    bool
	Orphan   bool
	Message  string
	// Query is the SQL statement.
	Query      string
	Attributes []trace.Attribute
	Events     []spanEvent
	Links      []string
}

type spanEvent struct {
	Name, Offset string
	Attributes   []trace.Attribute
}

// maxGuides bounds the indentation.
const maxGuides = 12

func newWaterfall(found trace.Waterfall) waterfall {
	w := waterfall{
		ID: found.ID, Name: cmp.Or(found.Name, "unnamed"), Service: found.Service, Start: clock(found.Start), Duration: formatDuration(found.Duration),
		Spans: found.Spans, Errors: found.Errors, Functions: len(found.Services), Orders: found.Orders,
		Omitted: max(len(found.Rows)-maxRows, 0), Ticks: ticks(found.Duration),
	}
	times, counts := map[trace.Category]time.Duration{}, map[trace.Category]int{}
	for i, row := range found.Rows {
		category := row.Category()
		counts[category]++
		times[category] += row.Duration()
		if category == trace.Request || category == trace.Process || category == trace.Internal || category == trace.Push {
			times[category] += row.Self - row.Duration() // what is below is in other categories
		}
		if i < maxRows {
			w.Rows = append(w.Rows, newSpanRow(found, row, category))
		}
	}
	for _, category := range trace.Categories {
		if counts[category] > 0 {
			w.Parts = append(w.Parts, tracePart{category, categoryTitles[category], counts[category], formatDuration(times[category])})
		}
	}
	return w
}

func newSpanRow(found trace.Waterfall, row trace.Row, category trace.Category) spanRow {
	r := spanRow{
		ID: row.ID.String(), Name: cmp.Or(row.Name, "unnamed"), Service: row.Service, Category: category, Title: categoryTitles[category],
		Duration: formatDuration(row.Duration()), Self: formatDuration(row.Self), Offset: formatDuration(row.Offset),
		Level: row.Depth + 1, Guides: make([]struct{}, min(row.Depth, maxGuides)),
		X: percent(row.Offset, found.Duration), Width: percent(row.Duration(), found.Duration),
		Children: row.Children > 0, Error: row.Error, Orphan: row.Orphan, Message: row.Message, Query: row.Query(),
	}
	for _, a := range row.Attributes {
		if a.Value != r.Query || !strings.HasPrefix(a.Key, "db.") {
			r.Attributes = append(r.Attributes, a)
		}
	}
	if row.Instance != "" {
		r.Attributes = append(r.Attributes, trace.Attribute{Key: "service.instance.id", Value: row.Instance})
	}
	for _, e := range row.Events {
		r.Events = append(r.Events, spanEvent{e.Name, formatDuration(e.Time.Sub(row.Start)), e.Attributes})
	}
	for _, l := range row.Links {
		r.Links = append(r.Links, l.TraceID.String())
	}
	return r
}

// ticks returns the marks of a time axis.
func ticks(whole time.Duration) []tick {
	return []tick{
		{"0%", "start", "0"},
		{"25%", "middle", formatDuration(whole / 4)},
		{"50%", "middle", formatDuration(whole / 2)},
		{"75%", "middle", formatDuration(whole * 3 / 4)},
		{"100%", "end", formatDuration(whole)},
	}
}
