package payment

import (
	"net/http"
	"testing"
	"time"

	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// copies returns how many copies of an order are stored, and how many with personal data.
func (f *fixture) copies(t *testing.T, o order) (stored, personal int) {
	t.Helper()
	stored, err := database.Get(t.Context(), f.DB, database.ScanColumn[int], `SELECT COUNT(*) FROM order_copy WHERE order_id = ?`, o.id[:])
	if err != nil {
		t.Fatal(err)
	}
	personal, err = database.Get(t.Context(), f.DB, database.ScanColumn[int], `
		SELECT COUNT(*) FROM order_copy
		WHERE order_id = ? AND (user_id = ? OR name IS NOT NULL OR email IS NOT NULL OR billing_address IS NOT NULL OR shipping_address IS NOT NULL)`,
		o.id[:], o.owner.UserID[:])
	if err != nil {
		t.Fatal(err)
	}
	return stored, personal
}

func (f *fixture) requireCopies(t *testing.T, name string, o order, stored, personal int) {
	t.Helper()
	if gotStored, gotPersonal := f.copies(t, o); gotStored != stored || gotPersonal != personal {
		t.Errorf("%s: %d copies, %d with personal data; want %d, %d", name, gotStored, gotPersonal, stored, personal)
	}
}

func (f *fixture) deleteUser(t *testing.T, o order) {
	t.Helper()
	f.Deliver(t, "payment-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": o.owner.UserID})).MustBe(t, http.StatusNoContent)
}

// TestAnonymizeInvoices requires that the copies of orders have no personal data after the account
// was deleted and the invoice issued, and that what was issued does not change.
func TestAnonymizeInvoices(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	unpaid, invoiced, captured, other := f.newOrder(t), f.mustCapture(t), f.mustCapture(t), f.newOrder(t)
	for _, o := range []order{unpaid, invoiced, captured, other} {
		f.mustDraft(t, o)
	}
	f.issueAll(t, invoiced, "payment-captured").MustBe(t, http.StatusNoContent)
	before := f.getInvoice(t, f.Tokens.Admin(t), f.mustListInvoices(t, invoiced)[0].ID, "").Body
	for _, o := range []order{unpaid, invoiced, captured} {
		f.deleteUser(t, o)
	}
	f.requireCopies(t, "without a payment", unpaid, 1, 0)
	f.requireCopies(t, "with an invoice", invoiced, 1, 0)
	f.requireCopies(t, "before its invoice", captured, 1, 1) // for the invoice
	f.requireCopies(t, "of another account", other, 1, 1)

	f.issueAll(t, captured, "payment-captured").MustBe(t, http.StatusNoContent)
	f.requireCopies(t, "after its invoice", captured, 1, 0)
	invoiced.token = f.Tokens.Admin(t)
	f.mustRefund(t, invoiced, map[string]any{"amount": euros(100)})
	f.issueAll(t, invoiced, "payment-refunded").MustBe(t, http.StatusNoContent)

	// What was issued has not changed, and the credit note names the buyer of the invoice.
	documents := f.mustListInvoices(t, invoiced)
	if after := f.getInvoice(t, invoiced.token, documents[0].ID, "").Body; string(after) != string(before) {
		t.Errorf("the invoice changed from %s to %s", before, after)
	}
	if len(documents) != 2 || documents[1].Buyer.Name != "Amira Haddad" || documents[1].Buyer.Address == nil {
		t.Errorf("the documents are %+v", documents)
	}
}

// mustPruneOrderCopies does what payment-outbox does. Its token would have expired.
func (f *fixture) mustPruneOrderCopies(t *testing.T) {
	t.Helper()
	if err := f.service.pruneOrderCopies(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestPruneOrderCopies requires that the copies of orders that were never paid are deleted after
// some time, and no others.
func TestPruneOrderCopies(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	placed, pending, invoiced, captured := f.newOrder(t), f.mustOpen(t), f.mustCapture(t), f.mustCapture(t)
	for _, o := range []order{placed, pending, invoiced, captured} {
		f.mustDraft(t, o)
	}
	f.issueAll(t, invoiced, "payment-captured").MustBe(t, http.StatusNoContent)
	f.advance(orderCopyRetention - time.Minute)
	f.mustPruneOrderCopies(t)
	f.requireCopies(t, "before its end", placed, 1, 1)
	f.advance(2 * time.Minute)
	f.mustPruneOrderCopies(t)
	f.requireCopies(t, "without a payment", placed, 0, 0)
	f.requireCopies(t, "with a payment in progress", pending, 1, 1)
	f.requireCopies(t, "with an invoice", invoiced, 1, 1)
	f.requireCopies(t, "before its invoice", captured, 1, 1)
}
