package order

import (
	"slices"
	"time"

	"souk/functions"
	"souk/shared/manifest"
)

// exampleTime is the time at which the order of the API's examples was placed.
var exampleTime = time.Date(2026, time.March, 1, 9, 30, 0, 0, time.UTC)

// exampleMoves returns the history of the order in an operation's example, without the
// first move, which is the placing: the usual way to the state that the operation requests.
func exampleMoves(operation string) (moves []Move) {
	i := slices.IndexFunc(transitions, func(t transition) bool { return t.by != "" && t.by == operation })
	if i < 0 {
		return nil
	}
	for t := transitions[i]; ; t = transitionTo(t.from[0]) {
		move := Move{Status: t.to, Actor: exampleActor(t.by)}
		if t.to == Cancelled {
			move.Reason = "ordered twice"
		}
		moves = append(moves, move)
		if t.from[0] == Pending {
			slices.Reverse(moves)
			return moves
		}
	}
}

// exampleActor returns the usual caller of an operation, or the actor without one.
func exampleActor(operation string) ActorKind {
	switch entry, _ := functions.Manifest().Function(operation); {
	case operation == "":
		return System
	case entry.Access == manifest.Admin:
		return Shop
	}
	return Customer
}

// AdjustExample sets the order in an operation's example to the status that the
// operation leads to.
func (Order) AdjustExample(operation string, example map[string]any) {
	o := Order{
		Status: Pending, Version: 1, CreatedAt: exampleTime, UpdatedAt: exampleTime,
		History: []Move{{Status: Pending, At: exampleTime, Actor: Customer}},
	}
	for i, move := range exampleMoves(operation) {
		o.Move(move.Status, move.Reason, Actor{Kind: move.Actor}, exampleTime.Add(time.Duration(i+1)*time.Hour))
	}
	example["status"], example["version"] = o.Status, o.Version
	example["createdAt"], example["updatedAt"] = o.CreatedAt, o.UpdatedAt
	example["history"] = o.History
}
