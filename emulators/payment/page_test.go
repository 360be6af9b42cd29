package payment

import (
	"bytes"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// customer is a browser without scripts.
type customer struct {
	*fixture
	page string // the URL of the payment page
	path string // of the payment
}

func (f *fixture) newCustomer(capture Capture) customer {
	f.t.Helper()
	r := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", f.key(), newPayment(capture))
	return customer{fixture: f, page: r.PageURL, path: "/v1/payments/" + r.ID}
}

// request sends a form, or reads a page if it is nil.
func (c customer) request(page string, form url.Values, change func(*http.Request)) (status int, header http.Header, body string) {
	c.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, page, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(request)
	}
	response, err := c.client.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, response.Header, html.UnescapeString(string(text))
}

// card returns the form with a card that is valid.
func card(number string) url.Values {
	return url.Values{"number": {number}, "expiry": {"01/26"}, "cvc": {"123"}}
}

// mustGo sends a form, which must redirect to a URL.
func (c customer) mustGo(page string, form url.Values, to string) {
	c.t.Helper()
	status, header, body := c.request(page, form, nil)
	if status != http.StatusSeeOther || header.Get("Location") != to {
		c.t.Errorf("status %d, location %q, want %q: %s", status, header.Get("Location"), to, body)
	}
}

// mustShow reads a page, which must have some texts.
func (c customer) mustShow(status int, texts ...string) {
	c.t.Helper()
	got, _, body := c.request(c.page, nil, nil)
	for _, text := range texts {
		if got != status || !strings.Contains(body, text) {
			c.t.Errorf("status %d, want %d and %q: %s", got, status, text, body)
		}
	}
}

func (c customer) returned() string {
	return shopURL + "?payment=" + strings.TrimPrefix(c.path, "/v1/payments/")
}

func (c customer) local() string { return strings.TrimPrefix(c.page, testURL) }

func TestPage(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	for name, want := range map[string]struct {
		card    string
		capture Capture
		state   State
	}{
		"is authorized":           {CardApproved, Manual, Authorized},
		"is captured":             {CardApprovedOther, Automatic, Captured},
		"with spaces is accepted": {"4242 4242-4242 4242 ", Automatic, Captured},
		"is captured later":       {CardLate, Automatic, Processing},
	} {
		t.Run("a card "+name+" and the customer returns to the shop", func(t *testing.T) {
			t.Parallel()
			c := f.newCustomer(want.capture)
			c.mustShow(http.StatusOK, "Pay 100.00 EUR", "For order order-1", "4242 4242 4242 4242")
			c.mustGo(c.page, card(want.card), c.returned())
			if p := f.mustGet(c.path); p.State != want.state || p.Card.Last4 == "" {
				t.Errorf("state %s, card %+v", p.State, p.Card)
			}
			c.mustShow(http.StatusOK, "Payment ", `href="`+c.returned()+`"`)
			c.mustGo(c.page, card(want.card), c.returned()) // A double click pays once.
			if p := f.mustGet(c.path); p.Version != 2 {
				t.Errorf("version %d", p.Version)
			}
		})
	}
	t.Run("declined cards can be replaced until there are too many", func(t *testing.T) {
		t.Parallel()
		c := f.newCustomer(Manual)
		for number, text := range map[string]string{CardDeclined: "The card was declined.", CardExpired: "The card has expired."} {
			c.mustGo(c.page, card(number), c.local())
			c.mustShow(http.StatusOK, text, "Try another card.")
		}
		c.mustGo(c.page, card(CardInsufficientFunds), c.local())
		c.mustShow(http.StatusOK, "Payment declined")
		if p := f.mustGet(c.path); p.State != Declined || p.Failure.Code != "insufficient_funds" {
			t.Errorf("state %s, failure %+v", p.State, p.Failure)
		}
		c.mustGo(c.page, card(CardApproved), c.local())
		if p := f.mustGet(c.path); p.State != Declined {
			t.Errorf("state %s after another card", p.State)
		}
	})
	t.Run("a challenge is a page of its own", func(t *testing.T) {
		t.Parallel()
		c := f.newCustomer(Manual)
		c.mustGo(c.page+"/challenge", nil, c.local())
		c.mustGo(c.page, card(CardChallenge), c.local()+"/challenge")
		c.mustGo(c.page, nil, c.local()+"/challenge")
		c.mustGo(c.page+"/challenge", url.Values{"result": {"other"}}, c.local()+"/challenge")
		if status, _, body := c.request(c.page+"/challenge", nil, nil); status != http.StatusOK || !strings.Contains(body, "Visa card ending in 3220") {
			t.Errorf("status %d: %s", status, body)
		}
		c.mustGo(c.page+"/challenge", url.Values{"result": {"fail"}}, c.local())
		c.mustShow(http.StatusOK, "The card could not be authenticated.")
		c.mustGo(c.page, card(CardChallenge), c.local()+"/challenge")
		c.mustGo(c.page+"/challenge", url.Values{"result": {"approve"}}, c.returned())
		if p := f.mustGet(c.path); p.State != Authorized || p.Failure != nil {
			t.Errorf("state %s, failure %+v", p.State, p.Failure)
		}
	})
	t.Run("a voided payment cannot be paid", func(t *testing.T) {
		t.Parallel()
		c := f.newCustomer(Manual)
		f.post(c.path+"/void", "")
		c.mustGo(c.page, card(CardApproved), c.local())
		c.mustShow(http.StatusOK, "Payment canceled")
	})
	t.Run("an unknown token is not found", func(t *testing.T) {
		t.Parallel()
		c := customer{fixture: f, page: testURL + pagePath + "unknown"}
		c.mustShow(http.StatusNotFound, "No such payment")
	})
}

// TestPagePolicy requires that pages run no scripts, are in no frames and stay out of caches, and
// that pages of other origins cannot send the form.
func TestPagePolicy(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	c := f.newCustomer(Manual)
	_, header, body := c.request(c.page, nil, nil)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://shop.localhost",
		"Referrer-Policy":         "same-origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %s", name, header.Get(name))
		}
	}
	if strings.Contains(body, "<script") || strings.Contains(body, " style=") {
		t.Error("the page has scripts or inline styles")
	}
	style := regexp.MustCompile(`href="(/asset/[^"]+)"`).FindStringSubmatch(body)
	if status, header, _ := c.request(testURL+style[1], nil, nil); status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/css") {
		t.Errorf("the style: status %d, %s", status, header.Get("Content-Type"))
	}
	for name, value := range map[string]string{"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"} {
		if status, _, _ := c.request(c.page, card(CardApproved), func(r *http.Request) { r.Header.Set(name, value) }); status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if status, _, _ := c.request(c.page, card(CardApproved), func(r *http.Request) { r.Host = "evil.test" }); status != http.StatusMisdirectedRequest {
		t.Errorf("another host: status %d", status)
	}
	if status, _, _ := c.request(c.page, url.Values{"number": {strings.Repeat("4", maxBody)}}, nil); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large form: status %d", status)
	}
	if p := f.mustGet(c.path); p.State != RequiresPayment {
		t.Errorf("state %s", p.State)
	}
}

// TestNoCardNumbers requires that a whole card number is in no log, file, response or callback.
func TestNoCardNumbers(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &bytes.Buffer{}
	f := open(t, func(o *Options) {
		o.Dir, o.Logger = dir, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	all := ""
	for _, test := range TestCards() {
		c := f.newCustomer(Automatic)
		_, _, body := c.request(c.page, card(test.Number), nil)
		f.Deliver(t.Context())
		all += body + f.must(http.StatusOK, http.MethodGet, c.path, "", "").body
	}
	f.webhook.status.Store(http.StatusInternalServerError)
	c := f.newCustomer(Automatic)
	if err := f.Inject(Fault{Operation: OperationPay, Kind: ErrorAfter}); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := c.request(c.page, card(CardApproved), nil); status != http.StatusInternalServerError || f.mustGet(c.path).State != Captured {
		t.Errorf("status %d, state %s", status, f.mustGet(c.path).State)
	}
	f.Deliver(t.Context())
	for _, callback := range f.webhook.callbacks {
		all += string(callback.body)
	}
	journal, err := os.ReadFile(filepath.Join(dir, journalFile))
	if err != nil {
		t.Fatal(err)
	}
	all += f.must(http.StatusOK, http.MethodGet, "/v1/events", "", "").body + string(journal) + log.String()
	if !strings.Contains(all, `"last4":"4242"`) || !strings.Contains(log.String(), "send a callback") {
		t.Error("the texts lack what they should have")
	}
	for _, test := range TestCards() {
		if strings.Contains(all, test.Number) {
			t.Errorf("the number %s is in a text", test.Number)
		}
	}
}

// TestHome requires that the home page has the books, the latest payments and the test cards, and no
// link to a payment, and that other sites may only link to it.
func TestHome(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	c := f.newCustomer(Manual)
	home, err := url.Parse(c.page)
	if err != nil {
		t.Fatal(err)
	}
	home.Path = "/"
	paid := f.newCustomer(Automatic)
	paid.mustGo(paid.page, card(CardApproved), paid.returned())
	status, header, body := c.request(home.String(), nil, nil)
	for _, want := range []string{"<td>100.00 EUR</td><td>0.00 EUR</td><td>100.00 EUR</td>", string(Captured), string(RequiresPayment), "order-1"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q: %s", want, body)
		}
	}
	if strings.Index(body, ">"+string(Captured)+"<") > strings.Index(body, ">"+string(RequiresPayment)+"<") {
		t.Error("the newest payment is not the first")
	}
	for mode, want := range map[string]int{"navigate": http.StatusOK, "cors": http.StatusForbidden} {
		status, _, _ := c.request(home.String(), nil, func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", mode)
		})
		if status != want {
			t.Errorf("a request of another site in the mode %s: status %d, want %d", mode, status, want)
		}
	}
	if status != http.StatusOK || header.Get("Content-Security-Policy") == "" {
		t.Errorf("got %d with the policy %q", status, header.Get("Content-Security-Policy"))
	}
	for _, card := range TestCards() {
		if !strings.Contains(body, card.Spaced()) {
			t.Errorf("the page lacks the card %s", card.Spaced())
		}
	}
	if strings.Contains(body, pagePath) {
		t.Errorf("the page has a link to a payment page: %s", body)
	}
}
