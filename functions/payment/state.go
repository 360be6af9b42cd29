package payment

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/payment/provider"
)

// State is the state of a payment: that at the provider, as far as it is known.
type State string

// The states of a payment. A payment is requested from the moment at which its order's stock is
// reserved. A payment whose order was cancelled before is voided.
const (
	Requested         State = "requested"
	RequiresAction    State = "requires_action"
	Processing        State = "processing"
	Authorized        State = "authorized"
	Captured          State = "captured"
	PartiallyRefunded State = "partially_refunded"
	Refunded          State = "refunded"
	Declined          State = "declined"
	Voided            State = "voided"
	Expired           State = "expired"
	Disputed          State = "disputed"
)

// transitions lists the states that may follow each state. States that the service has not seen,
// because a callback was lost, are skipped. A state that is not in a list is an older one that
// arrives late, and is ignored.
var transitions = map[State][]State{
	Requested:         {RequiresAction, Processing, Authorized, Captured, PartiallyRefunded, Refunded, Disputed, Declined, Voided, Expired},
	RequiresAction:    {Requested, Processing, Authorized, Captured, PartiallyRefunded, Refunded, Disputed, Declined, Voided, Expired},
	Processing:        {Requested, RequiresAction, Authorized, Captured, PartiallyRefunded, Refunded, Disputed, Declined, Voided, Expired},
	Authorized:        {Processing, Captured, PartiallyRefunded, Refunded, Disputed, Voided, Expired},
	Captured:          {PartiallyRefunded, Refunded, Disputed},
	PartiallyRefunded: {Refunded, Disputed},
	Disputed:          {Captured, PartiallyRefunded, Refunded},
	Refunded:          nil,
	Declined:          nil,
	Voided:            nil,
	Expired:           nil,
}

// states lists the states in the order of the usual course of a payment.
var states = []State{
	Requested, RequiresAction, Processing, Authorized, Captured, PartiallyRefunded, Refunded, Declined, Voided, Expired, Disputed,
}

// CanBecome reports whether a payment in state s may change to another state. A payment may stay in
// its state: amounts change without it.
func (s State) CanBecome(to State) bool { return s == to || slices.Contains(transitions[s], to) }

// IsFinal reports whether no state follows.
func (s State) IsFinal() bool { return len(transitions[s]) == 0 }

// waitsForCustomer reports whether the customer has to pay.
func (s State) waitsForCustomer() bool { return s == Requested || s == RequiresAction }

// isVoidable reports whether the payment can end without a capture. What is in progress at the bank
// cannot be stopped.
func (s State) isVoidable() bool { return s.waitsForCustomer() || s == Authorized }

// isRefundable reports whether a captured amount can be paid back. That of a disputed payment is
// with the bank.
func (s State) isRefundable() bool { return s == Captured || s == PartiallyRefunded }

// isUnpaid reports whether the amount was never taken and never will be.
func (s State) isUnpaid() bool { return s == Declined || s == Voided || s == Expired }

// isCaptured reports whether an amount was captured.
func (s State) isCaptured() bool {
	return s == Captured || s == PartiallyRefunded || s == Refunded || s == Disputed
}

// stateOf returns the state that the provider reports.
func stateOf(s provider.State) State { return State(s) }

// Schema implements huma.SchemaProvider with the list of states.
func (State) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, s := range states {
		schema.Enum = append(schema.Enum, string(s))
	}
	schema.PrecomputeMessages()
	return schema
}
