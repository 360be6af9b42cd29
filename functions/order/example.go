package order

import (
	"slices"
	"time"

	"souk/functions"
	"souk/shared/manifest"
)

// exampleTime is the time at which the order of the API's examples was placed.
var exampleTime = time.Date(2026, time.March, 1, 9, 30, 0, 0, time.UTC)

// exampleHistory returns the history, after the initial entry, of the order in the example
// of an operation: the usual transitions to the status that the operation requests.
// It is empty for an operation that changes no status.
func exampleHistory(operation string) (history []HistoryEntry) {
	i := slices.IndexFunc(transitions, func(t transition) bool { return t.operation != "" && t.operation == operation })
	if i < 0 {
		return nil
	}
	for t := transitions[i]; ; t = transitionTo(t.from[0]) {
		entry := HistoryEntry{Status: t.to, Actor: exampleActor(t.operation)}
		if t.to == Cancelled {
			entry.Reason = "ordered twice"
		}
		history = append(history, entry)
		if t.from[0] == Pending {
			slices.Reverse(history)
			return history
		}
	}
}

// exampleActor returns the kind of the usual caller of an operation; without an operation,
// System.
func exampleActor(operation string) ActorKind {
	switch entry, _ := functions.Manifest().Function(operation); {
	case operation == "":
		return System
	case entry.Access == manifest.Admin:
		return Shop
	}
	return Customer
}

// AdjustExample implements openapi.ExampleAdjuster. It changes the order in an operation's
// example to one that the operation may return.
func (Order) AdjustExample(operation string, example map[string]any) {
	o := Order{
		Status: Pending, Version: 1, CreatedAt: exampleTime, UpdatedAt: exampleTime,
		History: []HistoryEntry{{Status: Pending, At: exampleTime, Actor: Customer}},
	}
	for i, entry := range exampleHistory(operation) {
		o.changeStatus(entry.Status, entry.Reason, Actor{Kind: entry.Actor}, exampleTime.Add(time.Duration(i+1)*time.Hour))
	}
	example["status"], example["version"] = o.Status, o.Version
	example["createdAt"], example["updatedAt"] = o.CreatedAt, o.UpdatedAt
	example["history"] = o.History
}
