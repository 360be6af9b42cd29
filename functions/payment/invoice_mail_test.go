package payment

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"souk/functions/payment/invoice"
	"souk/shared/event"
	"souk/shared/mail/mailtest"
)

// mailInvoices delivers the documents of an order to invoice-mail.
func (f *fixture) mailInvoices(t *testing.T, o order, status int) {
	t.Helper()
	for _, e := range f.issuedEvents(t, o) {
		f.Deliver(t, "invoice-mail", e).MustBe(t, status)
	}
}

func (f *fixture) issuedEvents(t *testing.T, o order) (events []event.Event) {
	t.Helper()
	for _, d := range f.mustListInvoices(t, o) {
		for _, e := range f.Published.Events("invoice-issued") {
			if e.AggregateID == d.ID {
				events = append(events, e)
			}
		}
	}
	return events
}

func TestInvoiceMail(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	f := open(t, server.Environment())
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	address := o.id.String() + "@example.com"

	server.Refuse(func(string) error { return &smtp.SMTPError{Code: 451, Message: "later"} })
	f.mailInvoices(t, o, http.StatusInternalServerError)
	server.Refuse(nil)
	f.mailInvoices(t, o, http.StatusNoContent)
	f.mailInvoices(t, o, http.StatusNoContent) // sends nothing
	letter := server.Only(t, address)
	document := f.mustListInvoices(t, o)[0]
	want, err := invoice.PDF(&document)
	if err != nil {
		t.Fatal(err)
	}
	if letter.Subject != "Invoice "+document.Number || len(letter.Attachments) != 1 || letter.Attachments[0].Name != "invoice-"+document.Number+".pdf" ||
		letter.Attachments[0].ContentType != pdfType || string(letter.Attachments[0].Data) != string(want) {
		t.Errorf("the mail is %q with %d attachments", letter.Subject, len(letter.Attachments))
	}
	for _, text := range []string{"Hello,", "thank you for your payment of 54.27 EUR. The invoice is attached.", "3 × Assam, 250 g", o.id.String()} {
		if !strings.Contains(letter.Text, text) {
			t.Errorf("%q is missing in\n%s", text, letter.Text)
		}
	}
	if content := letter.Text + letter.HTML + fmt.Sprint(letter.Header); strings.Contains(content, "Amira") || strings.Contains(content, "Market Street") {
		t.Errorf("the mail has text of the customer, whose address is not confirmed:\n%s", content)
	}
	if !strings.Contains(letter.HTML, "The invoice is attached.") {
		t.Errorf("the HTML is\n%s", letter.HTML)
	}

	f.mustRefund(t, o, map[string]any{"amount": euros(1000)})
	f.issueAll(t, o, "payment-refunded").MustBe(t, http.StatusNoContent)
	f.mailInvoices(t, o, http.StatusNoContent)
	if letters := server.To(address); len(letters) != 2 || !strings.HasPrefix(letters[1].Subject, "Credit note CN-") || !strings.Contains(letters[1].Text, "we paid back 10.00 EUR of your order. The credit note is attached.") {
		t.Errorf("%d mails; the last is\n%s", len(letters), letters[len(letters)-1].Text)
	}
}

// TestInvoiceMailWithoutAddress requires that a document of an order whose customer's address is
// not known is not mailed.
func TestInvoiceMailWithoutAddress(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	f := open(t, server.Environment())
	o := f.mustCapture(t)
	payload, _, _ := placedPayload(t, o)
	payload.Email = ""
	f.Deliver(t, "invoice-draft", newEventAt(t, "order-placed", payload, f.now())).MustBe(t, http.StatusNoContent)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	f.mailInvoices(t, o, http.StatusNoContent)
	if n := server.Recipients(); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
}
