package audit_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/emailaddress"
	"souk/shared/function/functiontest"
)

// mustCompleteCheckout places an order by a checkout, of a guest if the token is empty.
func (s *shop) mustCompleteCheckout(t *testing.T, token string, product uuid.UUID) (order.Checkout, order.Order) {
	t.Helper()
	var c order.Checkout
	s.services["order"].Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Token: token, Body: map[string]any{
		"items": []any{fixtures.Item(product, 1)}, "email": "samir@example.com", "shippingAddress": fixtures.ShortAddress("Samir Haddad"),
	}}).MustBe(t, http.StatusCreated).Into(t, &c)
	if token == "" {
		token = c.Token
	}
	var o order.Order
	complete := functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts/" + c.ID.String() + "/complete", Token: token,
		Body: map[string]any{"version": c.Version, "total": c.Total}}
	for range 2 { // the second response is the same order
		s.services["order"].Do(t, complete).MustBe(t, http.StatusOK).Into(t, &o)
	}
	s.deliver(t)
	return c, o
}

// TestAuditOfCheckouts audits orders that guests and an account have placed by checkouts: nothing is
// found unless rows are changed by hand.
func TestAuditOfCheckouts(t *testing.T) {
	t.Parallel()
	s := open(t)
	tea := s.mustCreate(t, "TEA", 50)
	c, o := s.mustCompleteCheckout(t, "", tea)
	_, other := s.mustCompleteCheckout(t, "", tea)
	ofAccount, placed := s.mustCompleteCheckout(t, s.customer, tea)
	if o.UserID != c.ID || placed.UserID != s.userID {
		t.Fatalf("the guest's order has the owner %s, the account's %s", o.UserID, placed.UserID)
	}
	requireHealthy(t, s.mustAudit(t, atRest))
	for name, d := range s.guestDamages(c.ID, ofAccount.ID, o.ID, other.ID, placed.ID) {
		t.Run("finds "+name, func(t *testing.T) {
			s.mustExec(t, "order", d.plant)
			report := s.mustAudit(t, atRest)
			s.mustExec(t, "order", d.mend)
			mustFind(t, report, d)
			requireHealthy(t, s.mustAudit(t, atRest))
		})
	}
	t.Run("also when the checkouts have expired, or the account gets the orders", func(t *testing.T) {
		s.services["order"].Deliver(t, "order-adopt", functiontest.NewEvent(t, "email-confirmed", map[string]any{
			"userId": s.userID, "emailId": emailaddress.ID("samir@example.com"),
		})).MustBe(t, http.StatusNoContent)
		requireHealthy(t, s.mustAudit(t, atRest))
		s.mustExec(t, "order", []statement{do(`DELETE FROM checkout`)})
		requireHealthy(t, s.mustAudit(t, 25*time.Hour))
	})
}

func (s *shop) guestDamages(checkout, ofAccount, guest, other, placed uuid.UUID) map[string]damage {
	withoutRow := func(table, column string, id uuid.UUID, finds audit.Check, names string) damage {
		plant, mend := removed(column+" = ?", []any{id[:]}, "order."+table)
		return damage{"order", plant, mend, []audit.Check{finds}, names}
	}
	set := func(table, column string, id uuid.UUID, to, from any, names string, finds ...audit.Check) damage {
		key := map[string]string{"orders": "id", "checkout": "id", "guest_order": "order_id"}[table]
		text := "UPDATE " + table + " SET " + column + " = ? WHERE " + key + " = ?"
		return damage{"order", []statement{do(text, to, id[:])}, []statement{do(text, from, id[:])}, finds, names}
	}
	foreign := unknownID
	return map[string]damage{
		"an order of no guest and no account":      withoutRow("guest_order", "order_id", guest, audit.UserMissing, checkout.String()),
		"a guest's order that no checkout placed":  withoutRow("checkout", "id", checkout, audit.OrderDoubled, guest.String()),
		"an order of a checkout that is gone":      withoutRow("checkout", "id", ofAccount, audit.OrderDoubled, placed.String()),
		"a guest's order without e-mail address":   set("orders", "email", guest, nil, "samir@example.com", guest.String(), audit.GuestOrder),
		"a guest's order that is an account's":     set("orders", "user_id", guest, s.userID[:], checkout[:], s.userID.String(), audit.GuestOrder),
		"a checkout of another user":               set("checkout", "user_id", checkout, s.userID[:], checkout[:], "that of user "+s.userID.String(), audit.GuestOrder),
		"an order of an unknown user by checkout":  set("orders", "user_id", placed, foreign[:], s.userID[:], foreign.String(), audit.UserMissing),
		"a checkout that has placed another order": set("checkout", "order_id", checkout, other[:], guest[:], guest.String(), audit.GuestOrder, audit.OrderDoubled),
		"a checkout that has not placed its order": set("checkout", "order_id", checkout, nil, guest[:], guest.String(), audit.GuestOrder, audit.OrderDoubled),
		"a checkout of an order that is lost":      set("checkout", "order_id", ofAccount, foreign[:], placed[:], foreign.String(), audit.OrderLost, audit.OrderDoubled),
		"the record of a guest without the order": {
			"order",
			[]statement{do(`INSERT INTO guest_order (order_id, mailbox, placed_at) VALUES (?, ?, ?)`, foreign[:], foreign[:], time.Now().UTC())},
			[]statement{do(`DELETE FROM guest_order WHERE order_id = ?`, foreign[:])},
			[]audit.Check{audit.OrderLost}, foreign.String(),
		},
		"an e-mail address of an order without owner": {
			"order",
			[]statement{
				do(`CREATE TABLE owned AS SELECT id, user_id, shipping_address, billing_address, contact_name FROM orders WHERE id = ?`, placed[:]),
				do(`UPDATE orders SET user_id = ?, shipping_address = NULL, billing_address = NULL, contact_name = NULL, email = 'samir@example.com' WHERE id = ?`, uuid.Nil[:], placed[:]),
				do(`UPDATE order_history SET actor = 'system' WHERE order_id = ? AND actor = 'customer'`, placed[:]),
			},
			[]statement{
				do(`UPDATE orders o JOIN owned w ON w.id = o.id
					SET o.user_id = w.user_id, o.shipping_address = w.shipping_address, o.billing_address = w.billing_address, o.contact_name = w.contact_name, o.email = NULL`),
				do(`DROP TABLE owned`),
				do(`UPDATE order_history SET actor = 'customer' WHERE order_id = ? AND version = 1`, placed[:]),
			},
			[]audit.Check{audit.PersonLeft}, placed.String(),
		},
		"a guest who is an actor in the trail of an order without owner": {
			"order",
			[]statement{
				do(`CREATE TABLE owned AS SELECT id, user_id, shipping_address, billing_address, contact_name FROM orders WHERE id = ?`, placed[:]),
				do(`UPDATE orders SET user_id = ?, shipping_address = NULL, billing_address = NULL, contact_name = NULL WHERE id = ?`, uuid.Nil[:], placed[:]),
				do(`UPDATE order_history SET actor = 'system' WHERE order_id = ? AND actor = 'customer'`, placed[:]),
				trailEntry("order", placed, "guest", foreign[:]),
			},
			[]statement{
				do(`UPDATE orders o JOIN owned w ON w.id = o.id
					SET o.user_id = w.user_id, o.shipping_address = w.shipping_address, o.billing_address = w.billing_address, o.contact_name = w.contact_name`),
				do(`DROP TABLE owned`),
				do(`UPDATE order_history SET actor = 'customer' WHERE order_id = ? AND version = 1`, placed[:]),
				do(`DELETE FROM trail WHERE operation = 'unknown'`),
			},
			[]audit.Check{audit.PersonLeft}, "a guest is the actor",
		},
	}
}
