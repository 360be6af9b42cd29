package payment

import (
	"net/http"
	"testing"

	"souk/functions/payment/invoice"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func (f *fixture) invoices(t *testing.T, token string, o order) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + o.id.String() + "/invoices", Token: token})
}

func (f *fixture) mustListInvoices(t *testing.T, o order) []invoice.Document {
	t.Helper()
	var page api.Page[invoice.Document]
	f.invoices(t, o.token, o).MustBe(t, http.StatusOK).Into(t, &page)
	return page.Items
}

func TestInvoiceList(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	if documents := f.mustListInvoices(t, o); len(documents) != 0 {
		t.Errorf("%d documents before the first", len(documents))
	}
	f.issueAll(t, o, "payment-captured").MustBe(t, http.StatusNoContent)
	for range 3 {
		f.mustRefund(t, o, map[string]any{"amount": euros(100)})
	}
	f.issueAll(t, o, "payment-refunded").MustBe(t, http.StatusNoContent)
	all := f.mustListInvoices(t, o)
	var paged []invoice.Document
	for token := ""; len(paged) < 10; {
		var page api.Page[invoice.Document]
		f.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + o.id.String() + "/invoices?pageSize=1&pageToken=" + token, Token: o.token}).
			MustBe(t, http.StatusOK).Into(t, &page)
		paged = append(paged, page.Items...)
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	if len(all) != 4 || len(paged) != 4 {
		t.Fatalf("%d documents, %d in pages of one; want 4", len(all), len(paged))
	}
	for i := range all {
		if all[i].ID != paged[i].ID || (i == 0) != (all[i].Kind == invoice.Invoice) {
			t.Errorf("document %d is %s %s, and %s in pages", i, all[i].Kind, all[i].Number, paged[i].Number)
		}
	}
	_, other := f.Tokens.Customer(t)
	f.invoices(t, f.Tokens.Admin(t), o).MustBe(t, http.StatusOK)
	f.invoices(t, other, o).MustBe(t, http.StatusNotFound)
	f.invoices(t, f.Tokens.Admin(t), f.newOrder(t)).MustBe(t, http.StatusNotFound)
}
