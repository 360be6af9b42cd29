package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"

	"souk/emulators/lab/chart"
	"souk/emulators/load"
	"souk/functions"
	"souk/shared/database"
)

// watch records the number of events in the outboxes once a second until ctx is done.
func (x *eventsRun) watch(ctx context.Context) error {
	databases := map[string]*database.DB{}
	for _, service := range functions.Manifest().Services() {
		db, err := x.open(service)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		databases[service] = db
	}
	for {
		pending := 0
		for service, db := range databases {
			var n int
			err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM outbox WHERE published_at IS NULL").Scan(&n)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return fmt.Errorf("count the events in the outbox of %s: %w", service, err)
			}
			pending += n
		}
		x.stored.Store(int64(pending))
		if at := x.drive.elapsed(); x.drive.last().ElapsedSeconds > 0 {
			x.backlog.Add(at, float64(pending))
		}
		if gax.Sleep(ctx, pick(x.env, time.Second, 200*time.Millisecond)) != nil {
			return nil
		}
	}
}

// conclude writes the report.
func (x *eventsRun) conclude(result load.Result) {
	r := x.report
	r.addsUp(result)
	r.compare(x.backlog.Max() >= 50, "the outbox held events during the outage: %.0f at most", x.backlog.Max())
	decision, place := result.Operation("decision").Latency, result.Operation("order-place").Latency
	table := Table{Title: "Latency over all phases, in ms", Columns: []string{"operation", "p50", "p95", "p99", "max"}}
	table.Add("order-place", milli(place.P50), milli(place.P95), milli(place.P99), milli(place.Max))
	table.Add("order to decision", milli(decision.P50), milli(decision.P95), milli(decision.P99), milli(decision.Max))
	r.Tables = append(r.Tables, table)
	r.Charts = append(r.Charts, chart.Chart{
		Name: "events-backlog", Title: "Orders and events that wait, during two outages",
		Description: fmt.Sprintf("Up to %.0f orders wait while Pub/Sub is down and fewer while a consumer is; each time the backlog returns to nothing.", x.pending.Max()),
		XLabel:      "seconds", YLabel: "orders, events", Series: []chart.Series{x.pending, x.backlog}, Spans: x.spans,
	}, chart.Chart{
		Name: "events-confirmed", Title: "Confirmed orders a second",
		Description: "No order is confirmed during the outages; afterwards the backlog is confirmed at once.",
		XLabel:      "seconds", YLabel: "orders/s", Series: []chart.Series{x.confirmed}, Spans: x.spans,
	})
	r.find("Every message was delivered at least twice and in random order, and took effect once: the inbox records each event in the transaction of its effect.")
	r.find("order-place took %s ms at most: a request tries to publish before it responds, and gives up after 5 s. A request that shares its transaction with others may wait for the batch before it, too. After three attempts in a row without a response, an instance leaves events to the sweep at once, so that the other requests do not wait. Latency suffers, availability does not.", milli(place.Max))
}

// milli formats milliseconds.
func milli(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}
