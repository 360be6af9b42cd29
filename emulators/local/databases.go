package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"souk/emulators/mysql"
	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/database"
	"souk/shared/function"
)

// tables are the migrations of each service.
var tables = map[string]database.Migrations{
	"product": product.Migrations,
	"order":   order.Migrations,
	"user":    user.Migrations,
}

// Migrations returns all migrations of a service's database.
func Migrations(service string) ([]database.Migrations, error) {
	set, known := tables[service]
	if !known {
		return nil, fmt.Errorf("service %s has no migrations here", service)
	}
	return append(function.Migrations(), set), nil
}

// defaultPrefix begins the names of the services' databases and users.
const defaultPrefix = "souk"

// Databases says which databases to make for the services, where.
type Databases struct {
	// Server is the URL of an account that may create databases and users.
	Server database.URL
	// Prefix begins the names of what is made, so that several systems can share
	// a server: shop makes shop_product and so on. Empty: souk.
	Prefix string
	// Passwords are those of the services' users, by service.
	Passwords map[string]string
}

// Migrate makes one database a service with its tables, and one user a service
// that can read and write its rows and do nothing else. What is there already is
// brought up to date. It returns the URL that each service connects with.
func (d Databases) Migrate(ctx context.Context, services []string) (map[string]database.URL, error) {
	group, ctx := errgroup.WithContext(ctx)
	urls := make([]database.URL, len(services))
	for i, service := range services {
		group.Go(func() (err error) {
			urls[i], err = d.migrate(ctx, service)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byService := map[string]database.URL{}
	for i, service := range services {
		byService[service] = urls[i]
	}
	return byService, nil
}

// migrate makes the database, the user and the tables of one service.
func (d Databases) migrate(ctx context.Context, service string) (database.URL, error) {
	sets, err := Migrations(service)
	if err != nil {
		return "", err
	}
	name := databaseName(d.Prefix, service)
	url, err := mysql.Provision(ctx, d.Server, mysql.Access{Database: name, User: name, Password: d.Passwords[service]})
	if err != nil {
		return "", err
	}
	owner, err := mysql.DatabaseURL(d.Server, name)
	if err != nil {
		return "", err
	}
	err = with(owner, func(db *database.DB) error {
		return database.Migrate(ctx, db.SQL(), sets...)
	})
	if err != nil {
		return "", fmt.Errorf("database %s: %w", name, err)
	}
	// MySQL checks a login for the first time slowly, and remembers it: better
	// now than in a function's first request.
	err = with(url, func(db *database.DB) error { return db.PingContext(ctx) })
	if err != nil {
		return "", fmt.Errorf("log in as database user %s: %w", name, err)
	}
	return url, nil
}

// databaseName is the name of a service's database, and of its user.
func databaseName(prefix, service string) string {
	return cmp.Or(prefix, defaultPrefix) + "_" + service
}

// with opens a database for as long as do needs it.
func with(url database.URL, do func(*database.DB) error) error {
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
