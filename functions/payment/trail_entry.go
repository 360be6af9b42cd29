package payment

import (
	"time"

	"souk/shared/trail"
)

// resourcePayment is the kind of the resource payment, with its refunds and invoices, in the trail. Its
// id is that of the order.
const resourcePayment = "payment"

// change returns what a transaction has changed of a payment, for the trail.
func (a *account) change(at time.Time) trail.Change {
	before, after := a.stored.fields(), a.fields()
	for _, r := range a.newRefunds {
		after["refunds."+r.id.String()] = r.fields()
	}
	for _, id := range a.changedIDs {
		if r := a.refunds[id]; r != nil {
			after["refunds."+id.String()] = r.fields()
		}
	}
	c := trail.Change{Resource: resourcePayment, ID: a.orderID, Before: before, After: after, At: at}
	if a.isNew {
		c.Before, after["amount"] = nil, a.amount
	}
	return c
}

// fields returns what the trail has of a payment. Its page is a secret of the customer.
func (p *payment) fields() trail.Fields {
	fields := trail.Fields{"state": p.state, "failure": p.failure, "declines": p.declines}
	if p.captured > 0 {
		fields["captured"] = p.money(p.captured)
	}
	if p.refunded > 0 {
		fields["refunded"] = p.money(p.refunded)
	}
	return fields
}

// fields returns what the trail has of a refund. Its reason is free text.
func (r *refund) fields() trail.Fields {
	return trail.Fields{"state": r.state, "source": r.source, "amount": r.amount, "restock": r.restock, "failure": r.failure}
}
