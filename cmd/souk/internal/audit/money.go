package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// bought is an order that must be paid.
type bought struct {
	status  string
	total   amount
	changed time.Time
}

// payment is what the payment service has of an order's payment, in minor units.
type payment struct {
	provider, id, state          string // id is the provider's, empty if it is not known
	amount                       amount
	captured, refunded, returned int64 // returned is the sum of the refunds
	changed                      time.Time
}

// gives reports whether the customer has paid, or the amount is authorized.
func (p payment) gives() bool {
	return slices.Contains([]string{"authorized", "processing", "captured", "partially_refunded", "refunded", "disputed"}, p.state)
}

// money compares the orders that must be paid with their payments. Orders without payment are
// exempt.
func (a *auditor) money(ctx context.Context) error {
	orders, err := open(ctx, a.order, func(rows *sql.Rows) (id uuid.UUID, b bought, err error) {
		err = rows.Scan(&id, &b.status, &b.total.Amount, &b.total.Currency, &b.changed)
		return id, b, err
	}, `
		SELECT id, status, total_amount, total_currency, updated_at
		FROM orders FORCE INDEX (PRIMARY)
		WHERE payment = 'required'
		ORDER BY id`)
	if err != nil {
		return err
	}
	payments, err := open(ctx, a.snapshots["payment"], func(rows *sql.Rows) (id uuid.UUID, p payment, err error) {
		err = rows.Scan(&id, &p.provider, &p.id, &p.state, &p.amount.Amount, &p.amount.Currency, &p.captured, &p.refunded, &p.changed, &p.returned)
		return id, p, err
	}, `
		SELECT p.order_id, p.provider, COALESCE(p.provider_payment_id, ''), p.state, p.amount, p.currency, p.captured, p.refunded, p.updated_at, (
			SELECT COALESCE(SUM(r.amount), 0)
			FROM refund r
			WHERE r.order_id = p.order_id AND r.state = 'succeeded')
		FROM payment p FORCE INDEX (PRIMARY)
		ORDER BY p.order_id`)
	if err != nil {
		orders.close()
		return err
	}
	if err := merge(orders, payments, a.moneyOf); err != nil {
		return err
	}
	a.listedOrphans()
	a.compareTotals()
	return nil
}

func (a *auditor) moneyOf(id uuid.UUID, orders []bought, payments []payment) {
	atProvider := a.listed[id]
	delete(a.listed, id)
	if len(orders) > 0 && !a.atRest(orders[0].changed) || len(payments) > 0 && !a.atRest(payments[0].changed) || !a.allAtRest(atProvider) {
		a.inFlight++
		return
	}
	subject := about("order", id)
	a.sum(orders, payments, atProvider)
	a.compareListed(subject, payments, atProvider)
	if len(payments) == 0 {
		if isSold(orders[0].status) {
			a.find(MoneyUnpaid, subject, "is %s, and has no payment", orders[0].status)
		}
		return
	}
	p := payments[0]
	a.bookkeeping(subject, p)
	if len(orders) == 0 {
		a.find(MoneyOrphan, subject, "needs no payment or does not exist, and has one that is %s", p.state)
		return
	}
	o := orders[0]
	unreturned := fmt.Sprintf("%d %s", p.captured-p.refunded, p.amount.Currency)
	switch {
	case isSold(o.status) && !p.gives():
		a.find(MoneyUnpaid, subject, "is %s, but its payment is %s", o.status, p.state)
	case isSent(o.status) && p.captured == 0:
		a.find(MoneyUnpaid, subject, "is %s, but its payment is %s and nothing is captured", o.status, p.state)
	case isSent(o.status) && p.captured != o.total.Amount:
		a.find(MoneyUnpaid, subject, "is %s with a total of %s, but %d are captured", o.status, o.total, p.captured)
	case slices.Contains(hasNone, o.status) && (p.state == "authorized" || p.captured > p.refunded && p.state != "disputed"):
		a.find(MoneyUnreturned, subject, "is %s, but its payment is %s, and %s of it are not returned", o.status, p.state, unreturned)
	}
	if p.gives() && p.amount != o.total {
		a.find(MoneyDiffers, subject, "has a total of %s, but a payment of %s", o.total, p.amount)
	}
}

// bookkeeping checks the sums of one payment.
func (a *auditor) bookkeeping(subject string, p payment) {
	if p.captured > p.amount.Amount || p.refunded > p.captured || p.refunded != p.returned {
		a.find(MoneySum, subject, "of a payment of %s, %d were captured and %d refunded, by refunds of %d",
			p.amount, p.captured, p.refunded, p.returned)
	}
}

// isSold reports whether an order has its stock for good, so that it must be paid.
func isSold(status string) bool { return status == "confirmed" || isSent(status) }

// isSent reports whether the amount of an order is captured.
func isSent(status string) bool {
	return status == "partially_shipped" || status == "shipped" || status == "delivered"
}
