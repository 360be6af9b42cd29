package chaos

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// attempt is what a customer enters on the payment page: a card, and the result of its 3-D Secure
// challenge.
type attempt struct{ card, challenge string }

// Numbers of test cards, as the payment page lists them.
const (
	approvedCard  = "4242424242424242"
	challengeCard = "4000000000003220"
	lateCard      = "4000000000000077"
	declinedCard  = "4000000000000002"
)

// course is how a customer pays: attempts until one is approved.
type course struct {
	share    int // of 100
	attempts []attempt
}

// courses are how customers pay. Those whose attempts do not end with an approved card abandon the
// page.
var courses = []course{
	{62, []attempt{{approvedCard, ""}}},
	{10, []attempt{{declinedCard, ""}, {approvedCard, ""}}},
	{8, []attempt{{challengeCard, "approve"}}},
	{6, []attempt{{challengeCard, "fail"}, {approvedCard, ""}}},
	{4, []attempt{{lateCard, ""}}},
	{4, nil},
	{3, []attempt{{declinedCard, ""}}},
	{3, []attempt{{challengeCard, ""}}},
}

func chooseCourse(random *rand.Rand) course {
	n := random.IntN(100)
	for _, c := range courses {
		if n -= c.share; n < 0 {
			return c
		}
	}
	return courses[0]
}

// browser follows no redirects: where the page leads is its outcome.
var browser = &http.Client{
	Timeout: requestTimeout, Transport: transport.Transport,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// submit posts a form of the payment page until the provider responds, and returns the URL to which
// it leads.
func submit(t *testing.T, page string, form url.Values) (next string) {
	t.Helper()
	problem := ""
	for deadline := time.Now().Add(giveUpAfter); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		got, err := browser.Post(page, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		if err != nil {
			problem = err.Error()
			continue
		}
		text, err := io.ReadAll(got.Body)
		got.Body.Close()
		if location, locationErr := got.Location(); err == nil && locationErr == nil && got.StatusCode == http.StatusSeeOther {
			return location.String()
		}
		if problem = got.Status + " " + string(text); got.StatusCode < http.StatusInternalServerError {
			break
		}
	}
	t.Errorf("the payment page %s does not respond as expected: %s", page, problem)
	return ""
}

// pay pays an order on the provider's page, as a customer does. It returns without having paid if
// the order was decided otherwise.
func (sh *shop) pay(t *testing.T, random *rand.Rand, o *request) {
	t.Helper()
	c, twice := chooseCourse(random), random.IntN(8) == 0
	if len(c.attempts) == 0 {
		return
	}
	page := sh.awaitPage(t, o)
	for i, a := range c.attempts {
		if page == "" || !sh.tryCard(t, page, a, twice) {
			continue
		}
		sh.mu.Lock()
		sh.paid[o.response.id()] = true
		sh.mu.Unlock()
		if i != len(c.attempts)-1 {
			t.Errorf("order %s is paid by the attempt %+v", o.response.id(), a)
		}
		return
	}
}

// tryCard enters a card, in two windows at the same time if twice, and reports whether the page
// leads back to the shop: the order is paid.
func (sh *shop) tryCard(t *testing.T, page string, a attempt, twice bool) (paid bool) {
	t.Helper()
	card := url.Values{"number": {a.card}, "expiry": {"12/40"}, "cvc": {"123"}}
	var both sync.WaitGroup
	if twice {
		both.Go(func() { submit(t, page, card) })
	}
	next := submit(t, page, card)
	both.Wait()
	if strings.HasSuffix(next, "/challenge") && a.challenge != "" {
		next = submit(t, next, url.Values{"result": {a.challenge}})
	}
	return strings.Contains(next, "order=")
}

// awaitPage waits until an order can be paid and returns the page, or "" if it is decided otherwise.
func (sh *shop) awaitPage(t *testing.T, o *request) string {
	t.Helper()
	path := "/v1/orders/" + o.response.id()
	deadline := time.Now().Add(giveUpAfter)
	for pause := 10 * time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, time.Second) {
		var payment struct {
			Status     string
			NextAction struct{ URL string }
		}
		got := (&request{method: "GET", path: path + "/payment", account: o.account}).sendUntilFinal(t)
		if got.status == http.StatusOK && json.Unmarshal(got.body, &payment) == nil {
			switch {
			case payment.NextAction.URL != "":
				return payment.NextAction.URL
			case payment.Status != "requested":
				return ""
			}
		}
		var order struct{ Status string }
		got = (&request{method: "GET", path: path, account: o.account}).sendUntilFinal(t)
		if got.status == http.StatusOK && json.Unmarshal(got.body, &order) == nil && order.Status != "pending" && order.Status != "awaiting_payment" {
			return ""
		}
		time.Sleep(pause)
	}
	t.Errorf("order %s can be neither paid nor is it decided after %s", o.response.id(), giveUpAfter)
	return ""
}

// refund refunds a part of an order that was shipped. It conflicts while nothing is captured, and
// when it is more than what is left.
func (sh *shop) refund(t *testing.T, random *rand.Rand) {
	t.Helper()
	sh.mu.Lock()
	var id string
	if n := len(sh.shipped); n > 0 {
		id = sh.shipped[random.IntN(n)]
	}
	sh.mu.Unlock()
	if id == "" {
		return
	}
	amount := 1 + random.Int64N(1500)
	r := &request{
		kind: "refund", method: "POST", path: "/v1/orders/" + id + "/refunds", account: sh.admin, key: newKey(), subject: id, amount: amount,
		body: map[string]any{"amount": map[string]any{"amount": amount, "currency": "EUR"}},
	}
	got := r.execute(t, random.IntN(8) == 0)
	sh.record(r)
	if got.status != http.StatusCreated && got.status != http.StatusConflict {
		t.Errorf("refund %d of order %s: %d %s", amount, id, got.status, got.body)
	}
}

// abandon cancels the orders that still wait for their payment, as customers who leave the page by
// its link do. Otherwise they expire.
func (sh *shop) abandon(t *testing.T, waiting []string) {
	t.Helper()
	for _, id := range waiting {
		r := &request{kind: "cancel", method: "POST", path: "/v1/orders/" + id + "/cancel", account: sh.admin, subject: id, key: newKey()}
		got := r.execute(t, false)
		sh.record(r)
		if got.status != http.StatusOK && got.status != http.StatusConflict {
			t.Errorf("cancel order %s: %d %s", id, got.status, got.body)
		}
	}
}
