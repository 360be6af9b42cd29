package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"souk/shared/auth"
	"souk/shared/config"
)

// flatRead is a read whose cost must not grow with the number of rows.
type flatRead struct {
	name, service, function string
	// path returns the path of a request; next is the page token of a late page.
	path func(size int, next string) string
}

// flatReads are all reads besides searches.
var flatReads = []flatRead{
	{"product-get", "product", "product-get", func(size int, _ string) string { return productPath(rand.IntN(size)) }},
	{"product-list", "product", "product-list", func(int, string) string { return listPath }},
	{"late page", "product", "product-list", func(_ int, next string) string {
		return listPath + "&pageToken=" + url.QueryEscape(next)
	}},
	{"by name", "product", "product-list", func(int, string) string { return listPath + "&orderBy=name" }},
	{"price range", "product", "product-list", func(int, string) string { return listPath + "&minPrice=500&maxPrice=2000" }},
	{"in stock", "product", "product-list", func(int, string) string { return listPath + "&inStock=true" }},
	{"category", "product", "product-list", func(int, string) string {
		return listPath + "&category=" + categoryOf(rand.IntN(categories))
	}},
	{"category and price", "product", "product-list", func(int, string) string {
		return listPath + "&minPrice=500&maxPrice=90000&orderBy=price&category=" + categoryOf(rand.IntN(categories))
	}},
	{"categories", "product", "category-list", func(int, string) string { return "/v1/categories?pageSize=20" }},
	{"order-get", "order", "order-get", func(size int, _ string) string {
		return "/v1/orders/" + numberedID("order", rand.IntN((size-1)/buyersOfSet+1)*buyersOfSet).String()
	}},
	{"order-list", "order", "order-list", func(int, string) string { return "/v1/orders?pageSize=20" }},
}

const (
	// latePages is how many pages of 20 come before the late page.
	latePages = 40
	issuer    = "http://bench.test"
)

// flatShop is the read functions of this commit on a data set, by function.
type flatShop struct {
	set       *dataset
	processes map[string]*instance
	// header is that of the customer who has the orders.
	header string
	next   string
}

func prepareFlat(ctx context.Context, b *bench) (subjects []subject, err error) {
	keys, err := auth.GenerateKey()
	if err != nil {
		return nil, err
	}
	public, err := auth.PublicHalf(keys)
	if err != nil {
		return nil, err
	}
	jwks, err := b.sides[0].launchFunction("user", "jwks", "", "AUTH_PUBLIC_KEYS="+public)
	if err != nil {
		return nil, err
	}
	subjects = append(subjects, subject{name: "", stop: jwks.stop})
	for name, size := range map[string]int{souk: b.options.rows, small: fewRows} {
		opened, err := b.openFlat(ctx, size, keys, "http://"+jwks.address+"/.well-known/jwks.json")
		if opened != nil {
			subjects = append(subjects, subject{name: name, stop: opened.stop, measure: func(ctx context.Context) (sample, error) {
				return opened.measure(ctx, b.options.round)
			}})
		}
		if err != nil {
			return subjects, err
		}
	}
	subjects[0].measure = func(context.Context) (sample, error) { return sample{}, nil }
	return subjects, nil
}

func (b *bench) openFlat(ctx context.Context, size int, keys, keysURL string) (*flatShop, error) {
	set, err := b.openDataset(ctx, size)
	if err != nil {
		return nil, err
	}
	signer, err := auth.NewSigner(auth.SignerConfig{Issuer: issuer, Audience: audience, Keys: config.NewSecret(keys)})
	if err != nil {
		return nil, err
	}
	token, err := signer.Sign(auth.Principal{UserID: numberedID("user", 0), Role: auth.Customer}, time.Now(), 24*time.Hour)
	if err != nil {
		return nil, err
	}
	opened := &flatShop{set: set, processes: map[string]*instance{}, header: bearer(token)}
	for _, read := range flatReads {
		if opened.processes[read.function] != nil {
			continue
		}
		url := set.productURL
		if read.service == "order" {
			url = set.orderURL
		}
		started, err := b.sides[0].launchFunction(read.service, read.function, url,
			"AUTH_ISSUER="+issuer, "AUTH_AUDIENCE="+audience, "AUTH_JWKS_URL="+keysURL,
			"CHECKOUT_TOKEN_KEYS="+strings.Repeat("c", 32))
		if err != nil {
			return opened, err
		}
		opened.processes[read.function] = started
		if err := started.await(ctx, opened.request(read)); err != nil {
			return opened, err
		}
		if read.function == "product-list" {
			if err := opened.findLatePage(started.address); err != nil {
				return opened, err
			}
		}
	}
	return opened, nil
}

func (f *flatShop) stop() error {
	var errs []error
	for _, process := range f.processes {
		errs = append(errs, process.stop())
	}
	return errors.Join(append(errs, f.set.products.Close(), f.set.orders.Close())...)
}

func (f *flatShop) request(read flatRead) []byte {
	if read.service == "order" {
		return get(read.path(f.set.size, f.next), f.header)
	}
	return get(read.path(f.set.size, f.next))
}

// findLatePage reads pages until the late one.
func (f *flatShop) findLatePage(address string) error {
	w := &wire{address: address}
	for range latePages {
		got, err := w.send(get(listPath + "&pageToken=" + url.QueryEscape(f.next)))
		if err != nil {
			return err
		}
		var page struct{ NextPageToken string }
		if err := json.Unmarshal(got.body, &page); err != nil || got.status != http.StatusOK {
			return fmt.Errorf("read a page: status %d: %.200s", got.status, got.body)
		}
		if page.NextPageToken == "" {
			break
		}
		f.next = page.NextPageToken
	}
	return w.close()
}

// measure measures each read by one client for its part of a duration.
func (f *flatShop) measure(ctx context.Context, duration time.Duration) (sample, error) {
	figures := sample{}
	for _, read := range flatReads {
		address, part := f.processes[read.function].address, duration/time.Duration(len(flatReads))
		_, latencies, err := readLoad(ctx, address, 1, part, func() []byte { return f.request(read) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", read.name, err)
		}
		figures[read.name] = quantile(latencies, 0.50)
	}
	return figures, nil
}
