package chaos

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"souk/functions/fixtures"
)

var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// register adds customers, since an account may use 10,000 keys a day.
func (sh *shop) register(t *testing.T, count int) {
	t.Helper()
	send := func(want int, path string, body fixtures.Object) {
		t.Helper()
		if got := sh.s.send("POST", path, nil, body); got.status != want {
			t.Fatalf("POST %s: %d %s", path, got.status, got.body)
		}
	}
	for range count {
		l := login{newKey() + "@example.com", fixtures.Password}
		send(http.StatusCreated, "/v1/users", fixtures.Registration(l.Email))
		mail, err := http.Get(sh.s.status.Mail.URL + "/api/latest?wait=20&to=" + url.QueryEscape(l.Email))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(mail.Body)
		if mail.Body.Close(); err != nil {
			t.Fatal(err)
		}
		send(http.StatusOK, "/v1/email-verifications/confirm", fixtures.Object{"token": string(tokenForm.Find(text)), "password": l.Password})
		sh.customers = append(sh.customers, &account{s: sh.s, login: l})
	}
}

func (sh *shop) createProducts(t *testing.T, count int) {
	t.Helper()
	for range count {
		sh.createProduct(t, rand.Int64N(500))
	}
	// The order service receives new products with a delay.
	for _, p := range sh.products {
		r := sh.newOrder(sh.customers[0], []*product{p}, []int64{1})
		r.execute(t, false)
		sh.record(r)
	}
}

func (sh *shop) createProduct(t *testing.T, stock int64) {
	t.Helper()
	sku := "CHAOS-" + newKey()
	r := &request{
		kind: "create", method: "POST", path: "/v1/products", key: newKey(), account: sh.admin, subject: sku, amount: stock,
		body: fixtures.Product(sku, int(stock)),
	}
	got := r.execute(t, true)
	sh.record(r)
	if got.status != http.StatusCreated {
		t.Errorf("create a product: %d %s", got.status, got.body)
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.products = append(sh.products, &product{id: got.id(), stock: stock, prices: map[int64]bool{1299: true}})
}
