package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
)

// staffRead is a search by staff.
type staffRead struct {
	name, service, function string
	// query returns the path and query of a request for a random row.
	query func(d staffSet, row int) string
}

func orders(query func(d staffSet, row int) string) func(staffSet, int) string {
	return func(d staffSet, row int) string { return "/v1/orders?" + query(d, row) }
}

// always returns a query without a random row.
func always(query string) func(staffSet, int) string {
	return func(staffSet, int) string { return query }
}

// staffReads are all searches by staff. A new one is a line.
var staffReads = []staffRead{
	{"orders", "order", "order-list", orders(always(""))},
	{"orders by number", "order", "order-list", orders(func(d staffSet, row int) string { return "q=S-" + d.number(row) })},
	{"orders by the beginning of a number", "order", "order-list", orders(func(d staffSet, row int) string { return "q=S-" + d.number(row)[:4] })},
	{"orders by address", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.email(row) })},
	{"orders by name", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + strings.Join(d.person(row), "+") })},
	{"orders by surname", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.person(row)[1] })},
	{"orders by SKU", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + skuOf(d.product(row, 0)) })},
	{"orders by product name", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.words(row)[0] })},
	{"orders by two words", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.words(row)[0] + "+" + d.words(row + 1)[0] })},
	{"orders by word and name", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.words(row)[0] + "+" + d.person(row)[0] })},
	{"orders by word, by total", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.words(row)[0] + "&currency=EUR&orderBy=-total" })},
	{"orders by word and status", "order", "order-list", orders(func(d staffSet, row int) string { return "q=" + d.words(row)[0] + "&status=confirmed,pending" })},
	{"orders to ship", "order", "order-list", orders(always("status=confirmed,partially_shipped&orderBy=createdAt"))},
	{"orders of most statuses", "order", "order-list", orders(always("status=delivered,shipped,cancelled,rejected"))},
	{"orders of a day", "order", "order-list", orders(func(d staffSet, row int) string {
		return "createdFrom=" + d.at(row) + "&createdTo=" + d.at(row+10_000)
	})},
	{"orders of a day in a status", "order", "order-list", orders(func(d staffSet, row int) string {
		return "status=cancelled&createdFrom=" + d.at(row) + "&createdTo=" + d.at(row+10_000)
	})},
	{"orders changed since", "order", "order-list", orders(func(d staffSet, row int) string { return "orderBy=updatedAt&updatedFrom=" + d.at(row) })},
	{"orders changed in an hour, newest first", "order", "order-list", orders(func(d staffSet, row int) string {
		return "updatedFrom=" + d.at(row) + "&updatedTo=" + d.at(row+400)
	})},
	{"orders by total", "order", "order-list", orders(always("currency=EUR&orderBy=-total"))},
	{"orders of a range of totals", "order", "order-list", orders(always("currency=EUR&minTotal=5000&maxTotal=9000"))},
	{"few totals, by total", "order", "order-list", orders(always("currency=USD&minTotal=5000&maxTotal=5100&orderBy=total"))},
	{"orders of a customer", "order", "order-list", orders(func(d staffSet, row int) string { return "customer=" + numberedID("user", d.buyer(row)).String() })},
	{"orders of a customer, by total", "order", "order-list", orders(func(d staffSet, row int) string {
		return "currency=EUR&orderBy=-total&customer=" + numberedID("user", d.buyer(row)).String()
	})},
	{"orders with a product", "order", "order-list", orders(func(d staffSet, row int) string {
		return "product=" + numberedID("product", d.product(row, 1)).String()
	})},
	{"orders with a product and a status", "order", "order-list", orders(func(d staffSet, row int) string {
		return "status=delivered&product=" + numberedID("product", d.product(row, 1)).String()
	})},

	{"users", "user", "user-list", always("/v1/users")},
	{"users by address", "user", "user-list", func(d staffSet, row int) string { return "/v1/users?q=" + d.email(row) }},
	{"users by the beginning of an address", "user", "user-list", func(d staffSet, row int) string { return "/v1/users?q=" + d.email(row)[:9] }},
	{"users by name", "user", "user-list", func(d staffSet, row int) string { return "/v1/users?q=" + strings.Join(d.person(row), "+") }},
	{"users by first name", "user", "user-list", func(d staffSet, row int) string { return "/v1/users?q=" + d.person(row)[0] }},
	{"user by id", "user", "user-read", func(d staffSet, row int) string { return "/v1/users/" + numberedID("user", d.buyer(row)).String() }},

	{"products by SKU", "product", "product-list", func(_ staffSet, row int) string { return "/v1/products?q=" + skuOf(row) }},
	{"products by word", "product", "product-list", func(d staffSet, row int) string { return "/v1/products?q=" + d.words(row)[0] }},
	{"products as typed", "product", "product-search", func(d staffSet, row int) string { return "/v1/products/search?q=" + d.words(row)[0][:3] }},
	{"product by its SKU", "product", "product-search", func(_ staffSet, row int) string { return "/v1/products/search?sku=" + skuOf(row) }},
	{"products by the beginning of a SKU", "product", "product-search", func(_ staffSet, row int) string { return "/v1/products/search?skuPrefix=" + skuOf(row)[:5] }},
	{"archived products", "product", "product-search", always("/v1/products/search?status=archived")},
	{"archived products by word", "product", "product-search", func(d staffSet, row int) string { return "/v1/products/search?status=archived&q=" + d.words(row)[0] }},
	{"products with low stock", "product", "product-search", always("/v1/products/search?lowStock=true")},
	{"products by word, by price", "product", "product-search", func(d staffSet, row int) string { return "/v1/products/search?orderBy=-price&q=" + d.words(row)[0] }},
	{"stock movements of a product", "product", "stock-movement-list", func(_ staffSet, row int) string { return productPath(row) + "/stock-movements" }},
	{"facets of all products", "product", "product-facets", always("/v1/products/facets")},
	{"facets of a word", "product", "product-facets", func(d staffSet, row int) string { return "/v1/products/facets?q=" + d.words(row)[0] }},
}

// staffShop is what the searches of staff read, by functions of this commit.
type staffShop struct {
	set       staffSet
	databases []*sql.DB
	processes map[string]*instance
	header    string
	get       *instance
}

func prepareStaff(ctx context.Context, b *bench) (subjects []subject, err error) {
	s := &staffShop{set: staffSet{size: b.options.rows}, processes: map[string]*instance{}}
	subjects = []subject{
		{name: souk, stop: s.stop, measure: func(ctx context.Context) (sample, error) { return s.measure(ctx, b.options.round) }},
		{name: gets, measure: func(ctx context.Context) (sample, error) { return s.measureGets(ctx, b.options.round) }, stop: func() error { return nil }},
	}
	environment, err := s.signIn(ctx, b)
	if err != nil {
		return subjects, err
	}
	urls, err := s.open(ctx, b)
	if err != nil {
		return subjects, err
	}
	if s.get, err = b.sides[0].launchFunction("product", "product-get", urls["product"]); err != nil {
		return subjects, err
	}
	if err := s.get.await(ctx, get(productPath(0))); err != nil {
		return subjects, err
	}
	for _, read := range staffReads {
		if s.processes[read.function] == nil {
			if s.processes[read.function], err = b.sides[0].launchFunction(read.service, read.function, urls[read.service], environment...); err != nil {
				return subjects, err
			}
		}
		if err := s.processes[read.function].await(ctx, s.request(read)); err != nil {
			return subjects, fmt.Errorf("%s: %w", read.name, err)
		}
	}
	return subjects, nil
}

// signIn starts the function that publishes the keys of tokens, and signs a token of staff.
func (s *staffShop) signIn(ctx context.Context, b *bench) (environment []string, err error) {
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
	s.processes["jwks"] = jwks
	if err := jwks.await(ctx, get("/.well-known/jwks.json")); err != nil {
		return nil, err
	}
	signer, err := auth.NewSigner(auth.SignerConfig{Issuer: issuer, Audience: audience, Keys: config.NewSecret(keys)})
	if err != nil {
		return nil, err
	}
	permissions, _ := auth.ReadOnly.BuiltIn()
	token, err := signer.Sign(auth.Principal{UserID: numberedID("staff", 0), Role: auth.ReadOnly, Permissions: permissions}, time.Now(), 24*time.Hour)
	s.header = bearer(token)
	return []string{
		"AUTH_ISSUER=" + issuer, "AUTH_AUDIENCE=" + audience, "AUTH_JWKS_URL=http://" + jwks.address + "/.well-known/jwks.json",
		"CHECKOUT_TOKEN_KEYS=" + strings.Repeat("c", 32),
	}, err
}

// open creates the data sets, or what is missing of them, and returns their URLs by service.
func (s *staffShop) open(ctx context.Context, b *bench) (map[string]database.URL, error) {
	set, err := b.openDataset(ctx, s.set.size)
	if err != nil {
		return nil, err
	}
	s.databases = append(s.databases, set.products, set.orders)
	urls := map[string]database.URL{"product": set.productURL}
	for service, table := range map[string]string{"order": "orders", "user": "user"} {
		name := fmt.Sprintf("staff%d_%s", s.set.size, service)
		db, err := b.createDatabase(ctx, name, service, 2)
		if err != nil {
			return nil, err
		}
		s.databases = append(s.databases, db)
		insert := s.set.fillOrders
		if service == "user" {
			insert = s.set.fillUsers
		}
		if err := b.fill(ctx, db, table, s.set.size, insert); err != nil {
			return nil, err
		}
		opened, url, err := b.open(name, 1)
		if err != nil {
			return nil, err
		}
		s.databases, urls[service] = append(s.databases, opened), url
	}
	return urls, nil
}

func (s *staffShop) request(read staffRead) []byte {
	return get(read.query(s.set, rand.IntN(s.set.size)), s.header)
}

// staffClients is the number of people who search at a time.
const staffClients = 4

// measure measures each search for a second or, in short rounds, for its part of the round.
func (s *staffShop) measure(ctx context.Context, round time.Duration) (sample, error) {
	figures := sample{}
	for _, read := range staffReads {
		_, latencies, err := readLoad(ctx, s.processes[read.function].address, staffClients, min(round, time.Second), func() []byte { return s.request(read) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", read.name, err)
		}
		figures[read.name] = quantile(latencies, 0.99)
	}
	return figures, nil
}

// measureGets measures reads of products, to which the searches are compared.
func (s *staffShop) measureGets(ctx context.Context, round time.Duration) (sample, error) {
	_, latencies, err := readLoad(ctx, s.get.address, staffClients, round, func() []byte { return get(productPath(rand.IntN(s.set.size))) })
	figures := sample{}
	for _, read := range staffReads {
		figures[read.name] = quantile(latencies, 0.99)
	}
	return figures, err
}

func (s *staffShop) stop() error {
	var errs []error
	for _, process := range s.processes {
		errs = append(errs, process.stop())
	}
	if s.get != nil {
		errs = append(errs, s.get.stop())
	}
	for _, db := range s.databases {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}
