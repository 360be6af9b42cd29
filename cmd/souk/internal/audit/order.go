package audit

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/functions/order"
)

// allowed contains the allowed new statuses by the previous status, "" for a new order.
var allowed = func() map[string][]string {
	transitions := map[string][]string{"": {string(order.Pending)}}
	for _, t := range order.Transitions() {
		transitions[string(t.From)] = append(transitions[string(t.From)], string(t.To))
	}
	return transitions
}()

// hasNone are the states in which an order must not have any units.
var hasNone = []string{string(order.Rejected), string(order.Cancelled)}

// hasStock are the states in which an order has its units: all others that it can change to.
var hasStock = func() (states []string) {
	for _, t := range order.Transitions() {
		if to := string(t.To); !slices.Contains(hasNone, to) {
			states = append(states, to)
		}
	}
	return states
}()

// orders looks at each order within its own database.
func (a *auditor) orders(ctx context.Context) (err error) {
	if a.rows["orders"], err = a.order.count(ctx, "orders"); err != nil {
		return err
	}
	if err := a.readEvidence(ctx); err != nil {
		return err
	}
	if err := a.totals(ctx); err != nil {
		return err
	}
	if err := a.overdue(ctx); err != nil {
		return err
	}
	if err := a.persons(ctx); err != nil {
		return err
	}
	if err := a.histories(ctx); err != nil {
		return err
	}
	if err := a.guests(ctx); err != nil {
		return err
	}
	if err := a.afterSale(ctx); err != nil {
		return err
	}
	return a.lost(ctx)
}

func (a *auditor) overdue(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var status string
		var since time.Time
		if err := rows.Scan(&id, &status, &since); err != nil {
			return err
		}
		a.find(OrderOverdue, about("order", id), "%s since %s", status, since.Format(time.RFC3339))
		return nil
	}, `
		SELECT id, status, updated_at
		FROM orders
		WHERE status = 'pending' AND created_at < ? OR status = 'awaiting_payment' AND updated_at < ?
		ORDER BY id`, a.options.Now.Add(-a.options.PendingFor), a.options.Now.Add(-a.options.UnpaidFor))
}

// persons checks that no personal data is left of deleted accounts: in one
// transaction their orders get the zero id as their owner and lose their addresses.
func (a *auditor) persons(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id, owner uuid.UUID
		if err := rows.Scan(&id, &owner); err != nil {
			return err
		}
		if owner == uuid.Nil {
			a.find(PersonLeft, about("order", id), "has no owner, but has an address, a name or an actor in its history")
			return nil
		}
		a.find(PersonLeft, about("order", id), "belongs to user %s, whose account was deleted", owner)
		return nil
	}, `
		SELECT o.id, o.user_id
		FROM orders o
		LEFT JOIN customer c ON c.user_id = o.user_id
		WHERE c.deleted_at IS NOT NULL OR o.user_id = ? AND (
			COALESCE(o.shipping_address, o.billing_address, o.email, o.contact_name) IS NOT NULL OR EXISTS (
				SELECT 1
				FROM order_history h
				WHERE h.order_id = o.id AND h.actor = 'customer' AND h.actor_id IS NOT NULL))
		ORDER BY o.id`, uuid.Nil[:])
}

// step is one row of an order's history, beside the order as it is now. An order
// without history has one step, without a version.
type step struct {
	now     string
	current int64 // version of the order
	silent  int64 // changes of its tags and its customer, which are not in the history
	owner   uuid.UUID
	created time.Time
	version sql.NullInt64
	status  sql.NullString
	reason  sql.NullString
	at      sql.NullTime
}

// isOfReturn reports whether a step is about a return, which does not change the status.
func (s *step) isOfReturn(from string) bool {
	return s.status.String == from && slices.Contains(order.ReturnReasons, s.reason.String)
}

func (a *auditor) histories(ctx context.Context) error {
	scan := func(rows *sql.Rows) (id uuid.UUID, s step, err error) {
		err = rows.Scan(&id, &s.now, &s.current, &s.silent, &s.owner, &s.created, &s.version, &s.status, &s.reason, &s.at)
		return id, s, err
	}
	// Not ordered by version too: that would sort the whole table.
	steps, err := open(ctx, a.order, scan, `
		SELECT o.id, o.status, o.version, o.tag_changes + o.adoptions, o.user_id, o.created_at, h.version, h.status, h.reason, h.moved_at
		FROM orders o FORCE INDEX (PRIMARY)
		LEFT JOIN order_history h ON h.order_id = o.id
		ORDER BY o.id`)
	if err != nil {
		return err
	}
	return each(steps, a.history)
}

func (a *auditor) history(id uuid.UUID, steps []step) {
	slices.SortFunc(steps, func(x, y step) int { return cmp.Compare(x.version.Int64, y.version.Int64) })
	last := steps[len(steps)-1]
	a.compareEvidence(id, steps)
	switch {
	case !last.version.Valid:
		a.find(HistoryMismatch, about("order", id), "is %s and has no history", last.now)
		return
	case last.status.String != last.now:
		a.find(HistoryMismatch, about("order", id), "is %s, but its history ends with %s", last.now, last.status.String)
	}
	a.versions(id, steps)
	from := ""
	for _, s := range steps {
		if to := s.status.String; !slices.Contains(allowed[from], to) && !s.isOfReturn(from) {
			a.find(HistoryMove, about("order", id), "went from %s to %s with version %d", cmp.Or(from, "nothing"), to, s.version.Int64)
		}
		from = s.status.String
	}
}

// versions compares the versions of an order's history with that of the order. Each change
// of status raises the version by one. Erasure also raises it once, and each change of the tags and of the customer,
// without an entry in the history: these versions are missing there, and the first is not.
func (a *auditor) versions(id uuid.UUID, steps []step) {
	order, erasures := steps[0], int64(0)
	if order.owner == uuid.Nil {
		erasures = 1
	}
	missing := order.current - int64(len(steps)) - order.silent
	first, last := steps[0].version.Int64, steps[len(steps)-1].version.Int64
	if missing >= 0 && missing <= erasures && first == 1 && last <= order.current {
		return
	}
	var versions []string
	for _, s := range steps {
		versions = append(versions, strconv.FormatInt(s.version.Int64, 10))
	}
	a.find(HistoryGap, about("order", id), "has version %d, and a history of the versions %s", order.current, strings.Join(versions, ", "))
}
