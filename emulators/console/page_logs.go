package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// logPeriod is how often the log is read while the page is open.
const logPeriod = 250 * time.Millisecond

// logsView is the data of the page Logs.
type logsView struct {
	Known                           bool
	Functions, Severities           []string
	Function, Severity, Trace, Text string
}

// logBatch is the data of an event "entries": lines of the log, oldest first.
type logBatch struct {
	Entries []json.RawMessage `json:"entries"`
	// Left is the number of entries that were left out because they are many.
	Left int `json:"left,omitempty"`
}

func logsPage(c *Console) page {
	return page{
		name: "logs", title: "Logs", text: "What the functions log, live",
		view:   func(r *http.Request) (any, error) { return c.logsView(logFilterFrom(r)), nil },
		events: c.logEvents,
	}
}

func (c *Console) logsView(filter logFilter) logsView {
	view := logsView{
		Known: c.options.FunctionLog != "", Severities: severities[1:4],
		Function: filter.function, Severity: filter.severity, Trace: filter.trace, Text: filter.text,
	}
	for _, f := range c.options.Manifest.Functions {
		view.Functions = append(view.Functions, f.Name)
	}
	return view
}

// logFilterFrom returns the filter in the query of a request. A severity that does not exist is
// ignored.
func logFilterFrom(r *http.Request) logFilter {
	query := r.URL.Query()
	filter := logFilter{
		function: query.Get("function"), trace: strings.TrimSpace(query.Get("trace")), text: query.Get("q"),
	}
	if severity := query.Get("severity"); slices.Contains(severities, severity) {
		filter.severity = severity
	}
	return filter
}

// logEvents sends the newest entries, and then those that are added.
func (c *Console) logEvents(r *http.Request, s *stream) (err error) {
	if c.options.FunctionLog == "" {
		<-r.Context().Done()
		return nil
	}
	log, entries, err := openLogFile(c.options.FunctionLog, logFilterFrom(r))
	defer func() { err = errors.Join(err, log.close()) }()
	if err != nil {
		return err
	}
	if err := s.send("entries", logBatch{Entries: entries}); err != nil {
		return err
	}
	return s.every(logPeriod, func() error {
		entries, left, err := log.added()
		if err != nil || len(entries) == 0 {
			return err
		}
		return s.send("entries", logBatch{Entries: entries, Left: left})
	})
}
