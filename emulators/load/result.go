package load

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Orders counts the orders of a load, those of its preparation included.
type Orders struct {
	// Placed were accepted by the shop. Each is confirmed, rejected or undecided.
	Placed    int64 `json:"placed"`
	Confirmed int64 `json:"confirmed"`
	Rejected  int64 `json:"rejected"`
	Undecided int64 `json:"undecided"`
	// Refused were not accepted; of Unknown no final response was received.
	Refused int64 `json:"refused"`
	Unknown int64 `json:"unknown"`
}

// Stock compares the stock with the confirmed orders, in units.
type Stock struct {
	Initial   int64 `json:"initial"`
	Remaining int64 `json:"remaining"`
	// Lowest is the lowest stock of one product that was ever read.
	Lowest    int64 `json:"lowest"`
	Confirmed int64 `json:"confirmed"`
}

// Sold returns the units that are no longer in stock.
func (s Stock) Sold() int64 { return s.Initial - s.Remaining }

// Snapshot is the state of a load while it runs. Requests, errors and latencies are those
// since the last snapshot.
type Snapshot struct {
	ElapsedSeconds     float64 `json:"elapsedSeconds"`
	DurationSeconds    float64 `json:"durationSeconds"`
	RequestsPerSecond  float64 `json:"requestsPerSecond"`
	ErrorsPerSecond    float64 `json:"errorsPerSecond"`
	ConfirmedPerSecond float64 `json:"confirmedPerSecond"`
	Latency            Latency `json:"latencyMs"`
	Orders             Orders  `json:"orders"`
	Stock              Stock   `json:"stock"`
}

// Result is what a load has measured.
type Result struct {
	Scenario        Scenario    `json:"scenario"`
	Users           int         `json:"users"`
	Rate            float64     `json:"rate,omitempty"`
	DurationSeconds float64     `json:"durationSeconds"`
	Operations      []Operation `json:"operations"`
	// Failures counts failed requests by kind. They were repeated where that is safe.
	Failures map[string]int64 `json:"failures,omitempty"`
	// Unsent are visits of an open loop that were due and did not start.
	Unsent             int64   `json:"unsent,omitempty"`
	Orders             Orders  `json:"orders"`
	ConfirmedPerSecond float64 `json:"confirmedPerSecond"`
	Stock              Stock   `json:"stock"`
	// Problems says why the stock does not add up. It is empty if it does.
	Problems []string `json:"problems,omitempty"`
	// Remains lists what the load created and could not remove.
	Remains []string `json:"remains,omitempty"`
}

// AddsUp reports whether the stock that was sold is that of the confirmed orders, was never
// negative, and no order was lost.
func (r Result) AddsUp() bool { return len(r.Problems) == 0 }

// Operation returns the figures of an operation, zero ones if there are none.
func (r Result) Operation(name string) Operation {
	for _, o := range r.Operations {
		if o.Name == name {
			return o
		}
	}
	return Operation{Name: name}
}

func (f *figures) orders() Orders {
	o := f.outcomes
	return Orders{
		Placed: o[outcomePlaced], Confirmed: o[outcomeConfirmed], Rejected: o[outcomeRejected],
		Undecided: o[outcomeUndecided], Refused: o[outcomeRefused], Unknown: o[outcomeUnknown],
	}
}

// stock returns the sums over all products.
func (r *run) stock() Stock {
	s := Stock{Lowest: r.options.Stock}
	for _, p := range r.products {
		s.Initial += p.stock
		s.Remaining += p.available.Load()
		s.Lowest = min(s.Lowest, p.lowest.Load())
		s.Confirmed += p.confirmed.Load()
	}
	return s
}

// snapshot returns the state and begins the next interval.
func (r *run) snapshot() Snapshot {
	stock := r.stock()
	f := r.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	seconds := max(now.Sub(f.recentBegin).Seconds(), 0.001)
	s := Snapshot{
		ElapsedSeconds: now.Sub(r.begin).Seconds(), DurationSeconds: r.options.Duration.Seconds(),
		RequestsPerSecond:  float64(f.recent.TotalCount()) / seconds,
		ErrorsPerSecond:    float64(f.recentFailed) / seconds,
		ConfirmedPerSecond: float64(f.outcomes[outcomeConfirmed]-f.recentOrders) / seconds,
		Latency:            newLatency(f.recent), Orders: f.orders(), Stock: stock,
	}
	f.recent.Reset()
	f.recentFailed, f.recentBegin, f.recentOrders = 0, now, f.outcomes[outcomeConfirmed]
	return s
}

// result returns what was measured until all visits had ended.
func (r *run) result(elapsed time.Duration) Result {
	operations := r.figures.measured(elapsed)
	stock := r.stock()
	f := r.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	result := Result{
		Scenario: r.options.Scenario, Users: r.options.Users, Rate: r.options.Rate, DurationSeconds: elapsed.Seconds(),
		Operations: operations, Failures: maps.Clone(f.failures), Unsent: f.unsent, Orders: f.orders(),
		ConfirmedPerSecond: float64(f.outcomes[outcomeConfirmed]) / max(elapsed.Seconds(), 0.001), Stock: stock,
		Remains: []string{fmt.Sprintf("%d archived products", len(r.products))},
	}
	if r.options.Scenario != Browse {
		result.Remains = slices.Insert(result.Remains, 0,
			fmt.Sprintf("%d accounts load-…@souk.test", r.users.count()), fmt.Sprintf("%d orders", result.Orders.Placed))
	}
	result.Problems = r.problems(result.Orders, stock.Lowest)
	return result
}

// problems returns why the stock does not add up.
func (r *run) problems(orders Orders, lowest int64) (problems []string) {
	for _, p := range r.products {
		if sold, confirmed := p.stock-p.available.Load(), p.confirmed.Load(); sold != confirmed {
			problems = append(problems, fmt.Sprintf("product %s: %d units are sold, and %d are in confirmed orders", p.id, sold, confirmed))
		}
	}
	if lowest < 0 {
		problems = append(problems, fmt.Sprintf("the stock of a product was %d", lowest))
	}
	if orders.Undecided > 0 {
		problems = append(problems, fmt.Sprintf("%d placed orders were not decided in time", orders.Undecided))
	}
	if orders.Unknown > 0 {
		problems = append(problems, fmt.Sprintf("%d orders have no final response", orders.Unknown))
	}
	return problems
}
