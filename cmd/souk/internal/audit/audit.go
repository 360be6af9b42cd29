// Package audit reads the services' three databases and checks that stock,
// reservations, orders and events are consistent.
//
// It is a second opinion: it knows the tables, and nothing of the code that fills
// them. Its SQL, its table of transitions and its sums are its own, so that an error in a
// service is not repeated here.
//
// Each database is read in one snapshot, and large tables as streams in the order
// of their keys. What is compared between databases is compared only where it has
// been at rest for the grace period: events are still on their way.
//
//	audit.go     the checks and their report    snapshot.go  a database at one moment
//	stock.go     within product                 merge.go     two databases side by side
//	order.go     within order                   events.go    outboxes and inboxes
//	between.go   what one service stores of another's
//	placed.go    orders and the prices that they were placed at
//	evidence.go  orders, and what keys and events have of them
//	movement.go  what has moved stock
//	rules.go     today's rules for text, money, addresses and roles
package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

// Check names one kind of damage.
type Check string

// Every kind of damage that is looked for.
const (
	StockSum           Check = "stock-sum"
	StockNegative      Check = "stock-negative"
	ProductMissing     Check = "product-missing"
	ReservationMissing Check = "reservation-missing"
	ReservationDiffers Check = "reservation-differs"
	ReservationLeft    Check = "reservation-left"
	ReservationOrphan  Check = "reservation-orphan"
	OrderTotal         Check = "order-total"
	OrderItems         Check = "order-items"
	HistoryMismatch    Check = "history-mismatch"
	HistoryMove        Check = "history-move"
	OrderOverdue       Check = "order-overdue"
	UserMissing        Check = "user-missing"
	PersonLeft         Check = "person-left"
	CatalogDiffers     Check = "catalog-differs"
	OutboxStuck        Check = "outbox-stuck"
	EventUnconsumed    Check = "event-unconsumed"
	OrderDoubled       Check = "order-doubled"
	OrderLost          Check = "order-lost"
	OrderPrice         Check = "order-price"
	HistoryGap         Check = "history-gap"
	EventMissing       Check = "event-missing"
	MovementDoubled    Check = "movement-doubled"
	MovementSource     Check = "movement-source"
	RuleCurrency       Check = "rule-currency"
	RuleCountry        Check = "rule-country"
	RuleText           Check = "rule-text"
	RuleRole           Check = "rule-role"
)

// meanings of the checks, in the order in which they are reported.
var meanings = []struct {
	check Check
	means string
}{
	{StockSum, "a product's stock is not its movements less what is reserved"},
	{StockNegative, "a product has less than no stock"},
	{ProductMissing, "stock is reserved or booked of a product that does not exist"},
	{ReservationMissing, "a confirmed order has no stock reserved"},
	{ReservationDiffers, "an order has other products or quantities reserved than it lists"},
	{ReservationLeft, "a rejected or cancelled order still has stock reserved"},
	{ReservationOrphan, "stock is reserved for an order that does not exist"},
	{OrderTotal, "an order's total is not the sum of its lines"},
	{OrderItems, "an order has no lines"},
	{HistoryMismatch, "an order's history is missing or does not end in its status"},
	{HistoryMove, "an order's history has a change of status that is not allowed"},
	{OrderOverdue, "an order has been pending for longer than it may"},
	{UserMissing, "an order belongs to a user that does not exist"},
	{PersonLeft, "an order still has data of a user whose account was deleted"},
	{CatalogDiffers, "the order service's copy of a product differs from the product"},
	{OutboxStuck, "events wait in an outbox for longer than the sweep takes"},
	{EventUnconsumed, "a published event has not reached a consumer"},
	{OrderDoubled, "an order has no request of its own"},
	{OrderLost, "there are traces of an order that does not exist"},
	{OrderPrice, "an order's prices or total are not those that it was placed at"},
	{HistoryGap, "an order's history lacks a version, or the order has another version"},
	{EventMissing, "a change of an order's status has no event, or an event no change"},
	{MovementDoubled, "a request has moved the stock of a product twice"},
	{MovementSource, "stock was moved by no request and no line of an import"},
	{RuleCurrency, "a currency is not in use"},
	{RuleCountry, "a country is not one of ISO 3166-1"},
	{RuleText, "a text breaks a rule for text that is entered today"},
	{RuleRole, "a role is neither customer nor admin"},
}

// maxExamples bounds the findings that a report lists of each check. All are counted.
const maxExamples = 20

// Options of an audit.
type Options struct {
	// Databases of the services, by service: product, order and user.
	Databases map[string]*sql.DB
	// Manifest lists which function consumes which event.
	Manifest *manifest.Manifest
	// Grace is how long an event between two databases may be in flight.
	Grace time.Duration
	// PendingFor is how long an order may be pending.
	PendingFor time.Duration
	// OutboxFor is how long an event may wait in an outbox.
	OutboxFor time.Duration
	// Accepted are the checks whose findings are listed, but do not fail the audit.
	Accepted []Check
	// Now is the time of the audit; the zero time is the system's.
	Now time.Time
}

// What suits Options, unless there is reason for more or less. A sweep publishes
// what is left every minute, and an order's events may wait for it at each of their
// steps. order-expire cancels what has been pending for 90 minutes.
const (
	DefaultGrace      = 5 * time.Minute
	DefaultPendingFor = 105 * time.Minute
	DefaultOutboxFor  = 5 * time.Minute
)

// Checks returns the name of every check.
func Checks() (checks []Check) {
	for _, m := range meanings {
		checks = append(checks, m.check)
	}
	return checks
}

// retention is how long services retain published events and idempotency keys. What
// is compared with them is younger by slack, for the clocks of machines differ.
const (
	retention = 24 * time.Hour
	slack     = time.Hour
)

// retained returns the time since which every event and every key is retained.
func (a *auditor) retained() time.Time { return a.options.Now.Add(slack - retention) }

// Report is what an audit found.
type Report struct {
	OK     bool          `json:"ok"`
	At     time.Time     `json:"at"`
	Grace  time.Duration `json:"-"`
	GraceS float64       `json:"graceSeconds"`
	// InFlight counts the orders, products and reservations that were changed within
	// the grace period, and so were not compared between databases.
	InFlight int64 `json:"inFlight"`
	// Rows counts what was looked at, by table.
	Rows   map[string]int64 `json:"rows"`
	Checks []Result         `json:"checks"`
}

// Result is what came of one check.
type Result struct {
	Check Check  `json:"check"`
	Means string `json:"means"`
	// Count is the number of findings; Examples are the first of them.
	Count int `json:"count"`
	// Accepted reports whether the findings do not fail the audit.
	Accepted bool      `json:"accepted,omitempty"`
	Examples []Finding `json:"examples"`
}

// Finding is one inconsistency.
type Finding struct {
	// Subject is what it is about: order, product or event, and its id.
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

// auditor is one audit under way.
type auditor struct {
	options              Options
	order, product, user *snapshot
	results              map[Check]*Result
	rows                 map[string]int64
	inFlight             int64
	evidence             map[uuid.UUID]evidence // that no order has claimed yet
}

// Run audits. Its error is that it could not look; damage is in the report.
func Run(ctx context.Context, options Options) (report Report, err error) {
	if options.Now.IsZero() {
		options.Now = time.Now()
	}
	options.Now = options.Now.UTC()
	a := &auditor{options: options, results: map[Check]*Result{}, rows: map[string]int64{}}
	for _, m := range meanings {
		a.results[m.check] = &Result{Check: m.check, Means: m.means, Examples: []Finding{}}
	}
	// The order database first: what it knows of products and stock was then in
	// the others' databases before their snapshots.
	for _, s := range []struct {
		service string
		into    **snapshot
	}{{"order", &a.order}, {"product", &a.product}, {"user", &a.user}} {
		taken, err := take(ctx, s.service, options.Databases[s.service])
		if err != nil {
			return Report{}, err
		}
		defer func() { err = errors.Join(err, taken.release()) }()
		*s.into = taken
	}
	for _, check := range []func(context.Context) error{
		a.stock, a.movements, a.orders, a.placed, a.reservations, a.catalog, a.users, a.events, a.rules,
	} {
		if err := check(ctx); err != nil {
			return Report{}, err
		}
	}
	return a.report(), nil
}

// atRest reports whether what happened at t has had time to reach everyone.
func (a *auditor) atRest(t time.Time) bool { return t.Before(a.options.Now.Add(-a.options.Grace)) }

// find notes a finding.
func (a *auditor) find(check Check, subject, detail string, args ...any) {
	result := a.results[check]
	result.Count++
	if len(result.Examples) < maxExamples {
		result.Examples = append(result.Examples, Finding{Subject: subject, Detail: fmt.Sprintf(detail, args...)})
	}
}

func (a *auditor) report() Report {
	report := Report{
		OK: true, At: a.options.Now, Grace: a.options.Grace, GraceS: a.options.Grace.Seconds(),
		InFlight: a.inFlight, Rows: a.rows,
	}
	for _, m := range meanings {
		result := *a.results[m.check]
		result.Accepted = slices.Contains(a.options.Accepted, m.check)
		report.OK = report.OK && (result.Count == 0 || result.Accepted)
		report.Checks = append(report.Checks, result)
	}
	return report
}
