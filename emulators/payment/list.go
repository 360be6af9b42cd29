package payment

import (
	"iter"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"time"

	"souk/shared/api"
)

const maxPageSize = 100

// allowQuery returns an error for parameters that an operation does not have.
func allowQuery(r *http.Request, names ...string) error {
	var errs []api.FieldError
	for name, values := range r.URL.Query() {
		if !slices.Contains(names, name) {
			errs = append(errs, api.FieldError{Location: "query." + name, Code: api.FieldUnknown, Message: "unknown parameter"})
		} else if len(values) > 1 {
			errs = append(errs, api.FieldError{Location: "query." + name, Code: api.FieldDuplicate, Message: "must be sent once"})
		}
	}
	if len(errs) > 0 {
		return api.InvalidFields(errs)
	}
	return nil
}

// pageQuery is the part of a list's query that all lists have.
type pageQuery struct {
	api.PageQuery
	since time.Time
	after int64 // the sequence number of the last item of the previous page
}

// readPage reads the query of a list, which may have filters besides.
func readPage(r *http.Request, filters ...string) (q pageQuery, err error) {
	if err := allowQuery(r, append(filters, "since", "pageSize", "pageToken")...); err != nil {
		return q, err
	}
	query := r.URL.Query()
	if text := query.Get("since"); text != "" {
		if q.since, err = time.Parse(time.RFC3339, text); err != nil {
			return q, api.Invalid("query.since", api.FieldFormat, "must be a time such as 2026-01-02T03:04:05Z (RFC 3339)")
		}
	}
	if text := query.Get("pageSize"); text != "" {
		if q.PageSize, err = strconv.Atoi(text); err != nil || q.PageSize < 1 || q.PageSize > maxPageSize {
			return q, api.Invalid("query.pageSize", api.FieldRange, "must be from 1 to %d", maxPageSize)
		}
	}
	q.PageToken = query.Get("pageToken")
	return q, q.Cursor(&q.after)
}

// start returns the position of the first item of a page, in a list of n items ordered by time,
// whose sequence numbers are their positions plus one.
func (q pageQuery) start(n int, at func(i int) time.Time) int {
	first := sort.Search(n, func(i int) bool { return !at(i).Before(q.since) })
	return max(first, int(min(max(q.after, 0), int64(n))))
}

// listPayments handles GET /v1/payments.
func (p *Provider) listPayments(_ http.ResponseWriter, r *http.Request) (result, error) {
	q, err := readPage(r, "reference", "state")
	if err != nil {
		return result{}, err
	}
	state := State(r.URL.Query().Get("state"))
	if _, known := transitions[state]; !known && state != "" {
		return result{}, api.Invalid("query.state", api.FieldValue, "must be a state of a payment")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	var rows []Payment
	for i := range p.positions(q, r.URL.Query().Get("reference")) {
		if e := p.payments[i]; state == "" || e.State == state {
			if rows = append(rows, p.viewLocked(e)); len(rows) == q.Limit() {
				break
			}
		}
	}
	page, err := api.NewPage(q.PageQuery, rows, func(r Payment) any { return p.payments[p.index[r.ID]].Sequence })
	return result{status: http.StatusOK, body: page}, err
}

// positions iterates over the positions of the payments of a page, with a reference unless it is
// empty. The caller must hold mu.
func (p *Provider) positions(q pageQuery, reference string) iter.Seq[int] {
	start := q.start(len(p.payments), func(i int) time.Time { return p.payments[i].CreatedAt })
	return func(yield func(int) bool) {
		if reference != "" {
			matching := p.references[reference]
			first, _ := slices.BinarySearch(matching, start)
			for _, i := range matching[first:] {
				if !yield(i) {
					return
				}
			}
			return
		}
		for i := start; i < len(p.payments); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// listEvents handles GET /v1/events.
func (p *Provider) listEvents(_ http.ResponseWriter, r *http.Request) (result, error) {
	q, err := readPage(r, "payment", "delivered")
	if err != nil {
		return result{}, err
	}
	query := r.URL.Query()
	delivered, err := strconv.ParseBool(query.Get("delivered"))
	if err != nil && query.Has("delivered") {
		return result{}, api.Invalid("query.delivered", api.FieldValue, "must be true or false")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	var rows []Event
	for i := q.start(len(p.events), func(i int) time.Time { return p.events[i].CreatedAt }); i < len(p.events) && len(rows) < q.Limit(); i++ {
		e := p.events[i]
		if (!query.Has("payment") || e.payment.ID == query.Get("payment")) && (!query.Has("delivered") || e.delivered == delivered) {
			rows = append(rows, e.view())
		}
	}
	page, err := api.NewPage(q.PageQuery, rows, func(e Event) any { return p.eventIndex[e.ID].sequence })
	return result{status: http.StatusOK, body: page}, err
}
