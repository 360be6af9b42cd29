package payment

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/function/functiontest"
)

func (f *fixture) getInvoice(t *testing.T, token string, id uuid.UUID, accept string) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/invoices/" + id.String(), Token: token, Header: map[string]string{"Accept": accept}})
}

func TestInvoiceGet(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	document := f.mustListInvoices(t, o)[0]
	_, other := f.Tokens.Customer(t)

	for accept, mediaType := range map[string]string{
		"": jsonType, "*/*": jsonType, jsonType: jsonType, pdfType: pdfType, "application/pdf, */*;q=0.1": pdfType,
		"application/json, application/pdf;q=0.9": jsonType, "text/html": jsonType, "application/pdf;q=0": jsonType, "application/pdf;q=x": jsonType,
	} {
		response := f.getInvoice(t, o.token, document.ID, accept).MustBe(t, http.StatusOK)
		if got := response.Header.Get("Content-Type"); got != mediaType {
			t.Errorf("Accept %q: got %s, want %s", accept, got, mediaType)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "Vary": "Accept"} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("Accept %q: %s is %q, want %q", accept, name, got, want)
			}
		}
	}
	file := f.getInvoice(t, o.token, document.ID, pdfType)
	if want, err := invoice.PDF(&document); err != nil || !bytes.Equal(file.Body, want) {
		t.Errorf("the file has %d bytes, want %d, error %v", len(file.Body), len(want), err)
	}
	if want := fmt.Sprintf(`inline; filename="invoice-%s.pdf"`, document.Number); file.Header.Get("Content-Disposition") != want {
		t.Errorf("Content-Disposition is %q, want %q", file.Header.Get("Content-Disposition"), want)
	}
	f.getInvoice(t, f.Tokens.Admin(t), document.ID, "").MustBe(t, http.StatusOK)
	f.getInvoice(t, other, document.ID, "").MustBe(t, http.StatusNotFound)
	f.getInvoice(t, other, document.ID, pdfType).MustBe(t, http.StatusNotFound)
	f.getInvoice(t, o.token, uuid.New(), pdfType).MustBe(t, http.StatusNotFound)
}
