package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/money"
	"souk/shared/pricing"
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
	case entry.Access.IsStaff():
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
	o.fillExample()
	example["status"], example["version"], example["payment"] = o.Status, o.Version, o.Payment
	example["createdAt"], example["updatedAt"] = o.CreatedAt, o.UpdatedAt
	example["history"], example["items"] = o.History, o.Items
	example["pricesIncludeTax"], example["subtotal"], example["total"] = o.PricesIncludeTax, o.Subtotal, o.Total
	example["discount"], example["discounts"] = o.Discount, o.Discounts
	example["shipping"], example["tax"], example["taxes"] = o.Shipping, o.Tax, o.Taxes
	delete(example, "returns")
	if delete(example, "shipments"); len(o.Shipments) > 0 {
		example["shipments"] = o.Shipments
	}
}

// exampleSettings and exampleCart are those of the order of the API's examples.
var (
	exampleSettings = pricing.Settings{
		Currency: "EUR", PricesIncludeTax: true,
		TaxRates: []pricing.TaxRate{{Country: "DE", Rate: 190_000}},
		Zones: []pricing.Zone{{Name: "Germany", Areas: []pricing.Area{{Country: "DE"}}, Methods: []pricing.Method{
			{ID: "standard", Name: "Parcel, 2 to 3 days", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 490}}},
		}}},
		Discounts: []pricing.Discount{{ID: exampleUnits.ProductID.String(), Name: "Welcome", Code: "WELCOME10", Kind: pricing.PercentOff, Rate: 100_000}},
	}
	exampleCart = pricing.Cart{
		Currency: "EUR", Lines: []pricing.CartLine{{ID: exampleUnits.ProductID.String(), UnitPrice: 1299, Quantity: 2, Weight: 250}},
		Destination: pricing.Destination{Country: "DE"}, ShippingMethod: "standard", Codes: []string{"WELCOME10"}, Time: exampleTime,
	}
)

// fillExample sets the items, prices and shipments of the order of the API's examples, as an order of
// its cart has them.
func (o *Order) fillExample() {
	quote, err := pricing.NewQuote(exampleCart, exampleSettings)
	if err != nil {
		panic(fmt.Sprintf("price the order of the API's examples: %v", err)) // a programming error
	}
	unitPrice := money.Money{Amount: exampleCart.Lines[0].UnitPrice, Currency: quote.Currency}
	lineTotal := money.Money{Amount: quote.Lines[0].Amount, Currency: quote.Currency}
	o.Items = []Item{{ProductID: exampleUnits.ProductID, Name: "Assam, 250 g", UnitPrice: unitPrice, Quantity: exampleCart.Lines[0].Quantity, LineTotal: lineTotal}}
	o.quote, o.Payment = &quote, NoPayment
	o.showPrices()
	if !o.Status.isShipped() {
		return
	}
	o.Items[0].Shipped = o.Items[0].Quantity
	shippedAt := o.History[slices.IndexFunc(o.History, func(e HistoryEntry) bool { return e.Status.isShipped() })].At
	o.Shipments = []Shipment{{ID: exampleUnits.ProductID, Lines: []Units{{exampleUnits.ProductID, o.Items[0].Quantity}}, CreatedAt: shippedAt}}
}

// AdjustExample implements openapi.ExampleAdjuster. It changes the return in an operation's example to
// one that the operation may return.
func (Return) AdjustExample(operation string, example map[string]any) {
	created := Return{Status: ReturnRequested, RequestedBy: Customer, CreatedAt: exampleTime.Add(72 * time.Hour)}
	line := ReturnLine{Units: exampleUnits}
	example["closedAt"] = created.CreatedAt.Add(96 * time.Hour)
	switch operation {
	case "return-create":
		delete(example, "closedAt")
	case "return-cancel":
		created.Status = ReturnCancelled
	default:
		created.Status, created.Refund = ReturnReceived, true
		line.Received, line.Restock = line.Quantity, true
	}
	example["status"], example["requestedBy"], example["createdAt"] = created.Status, created.RequestedBy, created.CreatedAt
	example["refund"], example["refundShipping"] = created.Refund, created.RefundShipping
	example["lines"] = []ReturnLine{line}
}

// exampleUnits are the units of the order of the API's examples that are shipped and returned.
var exampleUnits = Units{ProductID: uuid.MustParse("0199c0de-0000-7000-8000-000000000001"), Quantity: 1}
