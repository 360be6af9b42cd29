package payment

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// nextToken returns the token of the next page in a list's body.
func nextToken(t *testing.T, body string) string {
	t.Helper()
	var page struct{ NextPageToken string }
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	return page.NextPageToken
}

func TestCreate(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	t.Run("a payment waits for a card and links to its page", func(t *testing.T) {
		t.Parallel()
		r := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", "create-1", newPayment(Manual))
		expires := f.clock.now().Add(paymentLifetime)
		want := Payment{
			ID: r.ID, PageURL: r.PageURL, Reference: "order-1", State: RequiresPayment, Version: 1, Amount: 10000, Currency: "EUR",
			Capture: Manual, ReturnURL: shopURL, CreatedAt: f.clock.now(), UpdatedAt: f.clock.now(), ExpiresAt: &expires,
		}
		if diff := cmp.Diff(want, r.Payment); diff != "" {
			t.Errorf("payment (-want +got):\n%s", diff)
		}
		if token := strings.TrimPrefix(r.PageURL, testURL+pagePath); len(token) < 26 {
			t.Errorf("the page's URL is %s", r.PageURL)
		}
	})
	for name, test := range map[string]struct{ body, location, code string }{
		"an amount of 0":           {`"amount": 0`, "body.amount", "out_of_range"},
		"a negative amount":        {`"amount": -1`, "body.amount", "out_of_range"},
		"a fraction":               {`"amount": 1.5`, "body.amount", "invalid_type"},
		"too large an amount":      {`"amount": 1000000000000`, "body.amount", "out_of_range"},
		"an unknown currency":      {`"currency": "XXX"`, "body.currency", "invalid_format"},
		"no reference":             {`"reference": ""`, "body.reference", "required"},
		"two lines as a reference": {`"reference": "a\nb"`, "body.reference", "control_character"},
		"a script for a URL":       {`"returnUrl": "javascript:alert(1)"`, "body.returnUrl", "invalid_format"},
		"a URL that ends a policy": {`"returnUrl": "http://a;script-src *"`, "body.returnUrl", "invalid_format"},
		"a URL with a user":        {`"returnUrl": "http://a@b/"`, "body.returnUrl", "invalid_format"},
		"another capture":          {`"capture": "later"`, "body.capture", "not_allowed"},
		"an unknown member":        {`"Amount": 1`, "body.Amount", "unknown_field"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			member, _, _ := strings.Cut(test.body, ":")
			var fields []string
			for field := range strings.SplitSeq(strings.Trim(newPayment(Manual), "{}"), ", ") {
				if !strings.HasPrefix(field, member+":") {
					fields = append(fields, field)
				}
			}
			r := f.must(http.StatusBadRequest, http.MethodPost, "/v1/payments", f.key(), "{"+strings.Join(append(fields, test.body), ", ")+"}")
			if len(r.Errors) != 1 || r.Errors[0].Location != test.location || r.Errors[0].Code != test.code {
				t.Errorf("got %+v", r.Errors)
			}
		})
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	for _, header := range []string{"", "Bearer", "Bearer wrong", "Basic " + testKey, testKey} {
		for _, path := range []string{"/v1/payments", "/v1/payments/pay_1", "/v1/events", "/v1/books"} {
			request := httptest.NewRequest(http.MethodGet, testURL+path, http.NoBody)
			request.Header.Set("Authorization", header)
			recorder := httptest.NewRecorder()
			f.ServeHTTP(recorder, request)
			if recorder.Code != http.StatusUnauthorized || recorder.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s with %q: status %d", path, header, recorder.Code)
			}
		}
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	first := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", "k", newPayment(Manual))
	t.Run("the same request has the same response, also after later changes", func(t *testing.T) {
		if _, err := f.Pay(first.ID, CardApproved, ""); err != nil {
			t.Fatal(err)
		}
		again := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", "k", " "+strings.ReplaceAll(newPayment(Manual), ": ", ":"))
		if diff := cmp.Diff(first.Payment, again.Payment); diff != "" || again.header.Get(replayedHeader) != "true" || len(f.payments) != 1 {
			t.Errorf("%d payments, response (-want +got):\n%s", len(f.payments), diff)
		}
	})
	t.Run("another payload, operation or payment is refused", func(t *testing.T) {
		path := "/v1/payments/" + first.ID
		requireProblem(t, f.must(422, http.MethodPost, "/v1/payments", "k", newPayment(Automatic)), 422, "idempotency_key_reused")
		requireProblem(t, f.must(422, http.MethodPost, path+"/capture", "k", ""), 422, "idempotency_key_reused")
		f.must(http.StatusOK, http.MethodPost, path+"/capture", "k2", `{"amount": 500}`)
		requireProblem(t, f.must(422, http.MethodPost, path+"/capture", "k2", `{"amount": 501}`), 422, "idempotency_key_reused")
		requireProblem(t, f.must(422, http.MethodPost, "/v1/payments/pay_2/capture", "k2", `{"amount": 500}`), 422, "idempotency_key_reused")
	})
	t.Run("an error is not stored", func(t *testing.T) {
		path := f.mustCreate(Manual)
		requireProblem(t, f.must(409, http.MethodPost, path+"/capture", "k3", ""), 409, "payment_state")
		if _, err := f.Pay(strings.TrimPrefix(path, "/v1/payments/"), CardApproved, ""); err != nil {
			t.Fatal(err)
		}
		f.must(http.StatusOK, http.MethodPost, path+"/capture", "k3", "")
	})
	t.Run("a key is required and is visible ASCII", func(t *testing.T) {
		for _, key := range []string{"", "a b", "ä", strings.Repeat("a", maxKey+1)} {
			requireProblem(t, f.must(400, http.MethodPost, "/v1/payments", key, newPayment(Manual)), 400, "invalid_request")
		}
	})
	t.Run("a key can be used again after a day", func(t *testing.T) {
		f.clock.forward(keyLifetime)
		if r := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", "k", newPayment(Automatic)); r.ID == first.ID {
			t.Error("the response was replayed")
		}
		if len(f.Provider.keys) != 1 {
			t.Errorf("%d keys are stored", len(f.Provider.keys))
		}
	})
}

func TestIdempotencyRace(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	var group sync.WaitGroup
	ids := make([]string, 50)
	for i := range ids {
		group.Go(func() {
			if r, err := f.send(http.MethodPost, "/v1/payments", "same", newPayment(Manual)); err == nil {
				ids[i] = r.ID
			}
		})
	}
	group.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("got the ids %q", ids)
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	var all []string
	for range 7 {
		all = append(all, f.mustPay(Manual, CardApproved)[len("/v1/payments/"):])
		f.clock.forward(time.Minute)
	}
	since := url.QueryEscape(f.clock.now().Add(-3 * time.Minute).Format(time.RFC3339))
	for query, want := range map[string]int{"": 7, "?since=" + since: 3, "?reference=order-1": 7, "?reference=order-2": 0, "?state=authorized": 7, "?state=voided": 0, "?reference=order-1&since=" + since: 3} {
		if got := f.must(http.StatusOK, http.MethodGet, "/v1/payments"+query, "", "").Items; len(got) != want {
			t.Errorf("%q lists %d payments, want %d", query, len(got), want)
		}
	}
	for _, list := range []string{"payments?", "payments?reference=order-1&", "events?"} {
		var got []string
		for token := ""; ; {
			page := f.must(http.StatusOK, http.MethodGet, "/v1/"+list+"pageSize=2"+token, "", "")
			for _, item := range page.Items {
				got = append(got, item.ID)
			}
			next := nextToken(t, page.body)
			if next == "" {
				break
			}
			token = "&pageToken=" + next
		}
		if len(got) != len(all) || strings.HasPrefix(list, "payments") && cmp.Diff(all, got) != "" {
			t.Errorf("%s has %q, want those of %q", list, got, all)
		}
	}
	for _, query := range []string{"payments?since=yesterday", "payments?pageSize=0", "payments?pageSize=101", "payments?pageToken=x", "payments?state=paid", "payments?offset=1", "payments?state=voided&state=voided", "events?delivered=perhaps", "books?since=x"} {
		requireProblem(t, f.must(400, http.MethodGet, "/v1/"+query, "", ""), 400, "invalid_request")
	}
	requireProblem(t, f.must(404, http.MethodGet, "/v1/payments/pay_0", "", ""), 404, "payment_not_found")
	requireProblem(t, f.must(404, http.MethodGet, "/v1/refunds", "", ""), 404, "route_not_found")
}
