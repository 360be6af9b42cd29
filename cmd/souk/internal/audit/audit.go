// Package audit reads the services' databases and checks that stock,
// reservations, orders, events and payments are consistent.
//
// It is a second opinion: it knows the tables, and nothing of the code that fills
// them. Its SQL, its table of transitions and its sums are its own, so that an error in a
// service is not repeated here.
//
// Each database is read in one snapshot, and large tables as streams in the order
// of their keys. What is compared between databases is compared only where it has
// been at rest for the grace period: events are still on their way.
//
//	audit.go     the audit and its report    checks.go    the names of the checks
//	snapshot.go  a database at one moment    merge.go     two databases side by side
//	stock.go     within product              events.go    outboxes and inboxes
//	order.go     within order
//	between.go   what one service stores of another's
//	prices.go    totals and quotes of orders, uses of discounts
//	placed.go    orders and the prices that they were placed at
//	payment.go   orders and whether they must be paid
//	money.go     orders and their payments    totals.go    the same by currency
//	provider.go  payments and the provider's list of them
//	guest.go     orders of guests and their checkouts
//	keys.go      API keys and the copies of them
//	evidence.go  orders, and what keys, checkouts and events have of them
//	movement.go  what has moved stock
//	webhook.go   events and their deliveries to endpoints
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

// maxExamples bounds the findings that a report lists of each check. All are counted.
const maxExamples = 20

// Options of an audit.
type Options struct {
	// Databases of the services, by service.
	Databases map[string]*sql.DB
	// Manifest lists which function consumes which event.
	Manifest *manifest.Manifest
	// Provider lists the payments at the payment provider. Nil: they are not compared, for the
	// reason NoProvider.
	Provider   PaymentLister
	NoProvider string
	// Grace is how long an event between two databases may be in flight.
	Grace time.Duration
	// PendingFor is how long an order may be pending.
	PendingFor time.Duration
	// UnpaidFor is how long an order may wait for its payment.
	UnpaidFor time.Duration
	// OutboxFor is how long an event may wait in an outbox.
	OutboxFor time.Duration
	// Accepted are the checks whose findings are listed, but do not fail the audit.
	Accepted []Check
	// Now is the time of the audit; the zero time is the system's.
	Now time.Time
}

// What suits Options, unless there is reason for more or less. A sweep publishes
// what is left every minute, and an order's events may wait for it at each of their
// steps. order-expire cancels what has been pending for 90 minutes, or unpaid for 15.
const (
	DefaultGrace      = 5 * time.Minute
	DefaultPendingFor = 105 * time.Minute
	DefaultUnpaidFor  = 30 * time.Minute
	DefaultOutboxFor  = 5 * time.Minute
)

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
	// Provider is what was compared with the payment provider.
	Provider Provider `json:"provider"`
	// Money are the sums of what was compared, by currency.
	Money []Total `json:"money"`
}

// Result is what came of one check.
type Result struct {
	Check Check  `json:"check"`
	Means string `json:"means"`
	// Count is the number of findings; Examples are the first of them.
	Count int `json:"count"`
	// Accepted reports whether the findings do not fail the audit.
	Accepted bool `json:"accepted,omitempty"`
	// NotChecked reports that the check was not made: see Provider.
	NotChecked bool      `json:"notChecked,omitempty"`
	Examples   []Finding `json:"examples"`
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
	snapshots            map[string]*snapshot // by service
	order, product, user *snapshot            // of snapshots
	results              map[Check]*Result
	rows                 map[string]int64
	inFlight             int64
	evidence             map[uuid.UUID]evidence // that no order has claimed yet
	provider             Provider
	listed               map[uuid.UUID][]listed // at the provider, by order, without those compared
	byCurrency           map[string]*Total
}

// Run audits. Its error is that it could not look; damage is in the report.
func Run(ctx context.Context, options Options) (report Report, err error) {
	if options.Now.IsZero() {
		options.Now = time.Now()
	}
	options.Now = options.Now.UTC()
	a := &auditor{options: options, snapshots: map[string]*snapshot{}, results: map[Check]*Result{}, rows: map[string]int64{}, byCurrency: map[string]*Total{}}
	for _, m := range meanings {
		a.results[m.check] = &Result{Check: m.check, Means: m.means, Examples: []Finding{}}
	}
	// The provider before the databases: what it has recorded was stored before their snapshots,
	// or is as recent as the audit.
	if err := a.readProvider(ctx); err != nil {
		return Report{}, err
	}
	// The order database first: what it knows of products and stock was then in
	// the others' databases before their snapshots.
	for _, service := range a.services() {
		taken, err := take(ctx, service, options.Databases[service])
		if err != nil {
			return Report{}, err
		}
		defer func() { err = errors.Join(err, taken.release()) }()
		a.snapshots[service] = taken
	}
	a.order, a.product, a.user = a.snapshots["order"], a.snapshots["product"], a.snapshots["user"]
	for _, check := range []func(context.Context) error{
		a.stock, a.movements, a.orders, a.placed, a.payments, a.money, a.reservations, a.catalog, a.users, a.trails, a.keys, a.events, a.rules,
	} {
		if err := check(ctx); err != nil {
			return Report{}, err
		}
	}
	return a.report(), nil
}

// services returns the services in the order in which their databases are read.
func (a *auditor) services() []string {
	services := []string{"order"}
	for _, service := range a.options.Manifest.Services() {
		if !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	return services
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
		InFlight: a.inFlight, Rows: a.rows, Provider: a.provider, Money: a.sortedTotals(),
	}
	if a.options.Provider != nil && !a.provider.Checked {
		report.OK = false
	}
	for _, m := range meanings {
		result := *a.results[m.check]
		result.NotChecked = !a.provider.Checked && slices.Contains(ofProvider, m.check)
		result.Accepted = slices.Contains(a.options.Accepted, m.check)
		report.OK = report.OK && (result.Count == 0 || result.Accepted)
		report.Checks = append(report.Checks, result)
	}
	return report
}
