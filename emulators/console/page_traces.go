package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/emulators/trace"
)

const (
	// tracesPeriod is how often the list of traces is updated at most.
	tracesPeriod = time.Second
	// maxRows is the most spans of a waterfall that are drawn.
	maxRows = 1000
)

func tracesPage(c *Console) page {
	return page{
		name: "traces", title: "Traces", text: "Requests across functions, databases and Pub/Sub",
		view: c.viewTraces, events: c.traceEvents, actions: map[string]action{"clear": c.clearTraces},
	}
}

// tracesView is the data of the page: a list of traces, or one of them.
type tracesView struct {
	Unknown bool
	Form    traceForm
	List    traceList
	// One is the trace in the query, and ID its id.
	ID  string
	One *waterfall
}

// traceForm is what the user searches for, as entered.
type traceForm struct {
	Query, Function, Min string
	Errors               bool
	Functions            []string
}

func readTraceForm(query url.Values) traceForm {
	return traceForm{
		Query: strings.TrimSpace(query.Get("q")), Function: query.Get("function"), Min: strings.TrimSpace(query.Get("min")),
		Errors: query.Get("errors") != "",
	}
}

// query returns the search of a form. An id of an order has the form of a UUID.
func (f traceForm) query() trace.Query {
	q := trace.Query{Service: f.Function, Errors: f.Errors}
	if id, err := uuid.Parse(f.Query); err == nil && strings.Contains(f.Query, "-") {
		q.OrderID = id.String()
	} else {
		q.ID = f.Query
	}
	if ms, err := strconv.ParseFloat(f.Min, 64); err == nil && ms > 0 {
		q.MinDuration = time.Duration(ms * float64(time.Millisecond))
	}
	return q
}

// Active reports whether the form selects anything.
func (f traceForm) Active() bool { return f.Query+f.Function+f.Min != "" || f.Errors }

// traceList is a list of traces.
type traceList struct {
	Rows     []traceRow
	Filtered bool
	// Total is the number of recorded traces, Memory their size.
	Total, Memory string
}

type traceRow struct {
	ID, Time, Name, Duration string
	// Services are those below the root.
	Services string
	// Width is the share of the longest trace in the list.
	Width         string
	Spans, Errors int
}

func (c *Console) listTraces(f traceForm) traceList {
	stats := c.options.Traces.Stats()
	list := traceList{Filtered: f.Active(), Total: formatCount(int64(stats.Traces)), Memory: formatBytes(int64(stats.Bytes))}
	found, longest := c.options.Traces.Search(f.query()), time.Duration(0)
	for _, s := range found {
		longest = max(longest, s.Duration)
	}
	for _, s := range found {
		list.Rows = append(list.Rows, traceRow{
			ID: s.ID, Time: clock(s.Start), Name: cmp.Or(s.Name, "unnamed"), Services: functionNames(s), Duration: formatDuration(s.Duration),
			Width: percent(s.Duration, longest), Spans: s.Spans, Errors: s.Errors,
		})
	}
	return list
}

// infrastructure are the services of spans that are not functions.
var infrastructure = []string{"gateway", "pubsub", "scheduler", "cloudrun"}

// functionNames returns the functions of a trace, or its service if there are none.
func functionNames(s trace.Summary) string {
	names := slices.DeleteFunc(slices.Clone(s.Services), func(name string) bool { return slices.Contains(infrastructure, name) })
	if len(names) == 0 {
		return s.Service
	}
	return strings.Join(names, ", ")
}

func (c *Console) viewTraces(r *http.Request) (any, error) {
	v := tracesView{Unknown: c.options.Traces == nil, Form: readTraceForm(r.URL.Query()), ID: r.URL.Query().Get("id")}
	if v.Unknown {
		return v, nil
	}
	if v.ID != "" {
		if found, ok := c.options.Traces.Find(v.ID); ok {
			one := newWaterfall(found)
			v.One = &one
		}
		return v, nil
	}
	v.Form.Functions = c.options.Traces.Services()
	v.List = c.listTraces(v.Form)
	return v, nil
}

// traceEvents sends the list, or the trace in the query, whenever spans have arrived.
func (c *Console) traceEvents(r *http.Request, s *stream) error {
	id, form, last := r.URL.Query().Get("id"), readTraceForm(r.URL.Query()), uint64(0)
	spans := 0
	return s.every(tracesPeriod, func() error {
		if c.options.Traces == nil {
			return nil
		}
		version := c.options.Traces.Stats().Version
		if version == last {
			return nil
		}
		last = version
		if id == "" {
			return c.sendFragment(s, "traces", "list", c.listTraces(form))
		}
		found, ok := c.options.Traces.Find(id)
		if !ok || found.Spans == spans {
			return nil
		}
		spans = found.Spans
		return c.sendFragment(s, "traces", "waterfall", newWaterfall(found))
	})
}

// sendFragment sends a part of a page as an event of the template's name.
func (c *Console) sendFragment(s *stream, page, name string, data any) error {
	html, err := c.fragment(page, name, data)
	if err != nil {
		return err
	}
	return s.send(name, html)
}

// clearTraces removes all recorded traces.
func (c *Console) clearTraces(*http.Request) (string, error) {
	if c.options.Traces == nil {
		return "", errNotAvailable
	}
	n := c.options.Traces.Stats().Traces
	c.options.Traces.Clear()
	return "Removed " + formatCount(int64(n)) + " traces.", nil
}
