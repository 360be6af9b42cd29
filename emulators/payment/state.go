package payment

import "slices"

// State is the state of a payment.
type State string

// States of a payment.
const (
	RequiresPayment   State = "requires_payment"   // waits for the customer's card
	RequiresAction    State = "requires_action"    // waits for the customer's 3-D Secure challenge
	Processing        State = "processing"         // the capture is accepted and takes effect later
	Authorized        State = "authorized"         // the amount is reserved
	Captured          State = "captured"           // the amount, or a part, is taken
	PartiallyRefunded State = "partially_refunded" // a part of the captured amount is returned
	Refunded          State = "refunded"           // all of the captured amount is returned
	Voided            State = "voided"             // canceled before the capture
	Declined          State = "declined"           // no card was approved
	Expired           State = "expired"            // not paid, or not captured, in time
	Disputed          State = "disputed"           // the card's holder demands the money back
)

// transitions lists the states that may follow each state. A state that may follow itself
// changes the payment: a declined card, another partial refund.
var transitions = map[State][]State{
	RequiresPayment:   {RequiresPayment, RequiresAction, Processing, Authorized, Captured, Voided, Declined, Expired},
	RequiresAction:    {RequiresPayment, Authorized, Captured, Voided, Declined, Expired},
	Processing:        {Captured},
	Authorized:        {Processing, Captured, Voided, Expired},
	Captured:          {PartiallyRefunded, Refunded, Disputed},
	PartiallyRefunded: {PartiallyRefunded, Refunded, Disputed},
	Disputed:          {Captured, PartiallyRefunded, Refunded},
	Refunded:          nil,
	Voided:            nil,
	Declined:          nil,
	Expired:           nil,
}

// Final reports whether no state follows.
func (s State) Final() bool { return len(transitions[s]) == 0 }

// allows reports whether next may follow the state.
func (s State) allows(next State) bool { return slices.Contains(transitions[s], next) }
