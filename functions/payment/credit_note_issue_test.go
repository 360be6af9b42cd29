package payment

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/batch/batchtest"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/money"
)

// TestCreditNotesInBatches checks that credit notes are issued in batches as one by one, in every
// order of arrival.
func TestCreditNotesInBatches(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	refunds := []Refund{f.mustRefund(t, o, map[string]any{"amount": euros(1000)}), f.mustRefund(t, o, map[string]any{"amount": euros(1)}), f.mustRefund(t, o, map[string]any{"amount": euros(27)})}
	at := f.now()
	newMessages := func() (messages []function.Message[paymentRefunded]) {
		for _, r := range append(refunds, refunds[0]) {
			messages = append(messages, function.Message[paymentRefunded]{
				Event: event.Event{ID: uuid.New(), Time: at}, Payload: paymentRefunded{OrderID: o.id, RefundID: r.ID, Amount: r.Amount}, Context: t.Context(),
			})
		}
		return messages
	}
	batchtest.CheckEquivalent(t, f.DB, newMessages, f.service.creditNoteIssue, documentsState[paymentRefunded])
}

// TestCreditNoteOfLostDispute requires a credit note by amount for a refund whose lines are not
// known.
func TestCreditNoteOfLostDispute(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	first := f.mustRefund(t, o, map[string]any{"amount": euros(27)})
	if _, err := f.DB.SQL().ExecContext(t.Context(), `UPDATE refund SET refund = NULL WHERE id = ?`, first.ID[:]); err != nil {
		t.Fatal(err)
	}
	f.mustRefund(t, o, map[string]any{"amount": euros(400)})
	f.issueAll(t, o, "payment-refunded").MustBe(t, http.StatusNoContent)
	documents := f.mustListInvoices(t, o)
	want := []money.Money{{Amount: total, Currency: "EUR"}, {Amount: 27, Currency: "EUR"}, {Amount: 400, Currency: "EUR"}}
	if len(documents) != len(want) {
		t.Fatalf("%d documents, want %d", len(documents), len(want))
	}
	for i := range want {
		if documents[i].Total != want[i] {
			t.Errorf("document %d is of %v, want %v", i, documents[i].Total, want[i])
		}
	}
}
