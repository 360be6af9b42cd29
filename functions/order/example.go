package order

import "time"

// exampleTime is the time at which the order of the API's examples was placed.
var exampleTime = time.Date(2026, time.March, 1, 9, 30, 0, 0, time.UTC)

// exampleMoves maps an operation to the history of the order in its example, without
// the first move, which is the placing.
var exampleMoves = map[string][]Move{
	"order-cancel": {{Status: Cancelled, Actor: Customer, Reason: "ordered twice"}},
	"order-ship":   {{Status: Confirmed, Actor: System}, {Status: Shipped, Actor: Shop}},
	"order-deliver": {
		{Status: Confirmed, Actor: System}, {Status: Shipped, Actor: Shop}, {Status: Delivered, Actor: Shop},
	},
}

// AdjustExample sets the order in an operation's example to the status that the
// operation leads to.
func (Order) AdjustExample(operation string, example map[string]any) {
	o := Order{
		Status: Pending, Version: 1, CreatedAt: exampleTime, UpdatedAt: exampleTime,
		History: []Move{{Status: Pending, At: exampleTime, Actor: Customer}},
	}
	for i, move := range exampleMoves[operation] {
		o.Move(move.Status, move.Reason, Actor{Kind: move.Actor}, exampleTime.Add(time.Duration(i+1)*time.Hour))
	}
	example["status"], example["version"] = o.Status, o.Version
	example["createdAt"], example["updatedAt"] = o.CreatedAt, o.UpdatedAt
	example["history"] = o.History
}
