package provider

// State is the state of a payment.
type State string

// States of a payment.
const (
	Requested         State = "requested"          // waits for the customer's card
	RequiresAction    State = "requires_action"    // waits for the customer's authentication
	Processing        State = "processing"         // takes effect later
	Authorized        State = "authorized"         // the amount is reserved
	Captured          State = "captured"           // the amount, or a part, is taken
	PartiallyRefunded State = "partially_refunded" // a part of the captured amount is returned
	Refunded          State = "refunded"           // all of the captured amount is returned
	Declined          State = "declined"           // no card was approved
	Voided            State = "voided"             // canceled before the capture
	Expired           State = "expired"            // not paid, or not captured, in time
	Disputed          State = "disputed"           // the card's holder demands the money back
)

// Final reports whether no state follows.
func (s State) Final() bool {
	switch s {
	case Refunded, Declined, Voided, Expired:
		return true
	default:
		return false
	}
}

// Settled returns the state of a captured payment by its amounts.
func Settled(captured, refunded int64) State {
	switch {
	case refunded <= 0:
		return Captured
	case refunded < captured:
		return PartiallyRefunded
	default:
		return Refunded
	}
}
