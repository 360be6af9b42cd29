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

// tables are the services' own migrations.
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

// defaultPrefix is the default of Databases.Prefix.
const defaultPrefix = "souk"

// Databases configures the databases of the services.
type Databases struct {
	// Server is the URL of an account that may create databases and users.
	Server database.URL
	// Prefix starts the names of databases and users, so that several systems can share a
	// server: shop_product and so on for "shop". Empty means "souk".
	Prefix string
	// Passwords are those of the services' users, by service.
	Passwords map[string]string
}

// Migrate creates or updates one database for each service with its tables, and one user
// for each service that may only read and write its rows. It returns the URL for each
// service.
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

// migrate creates or updates the database, the user and the tables of one service.
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
	err = withDatabase(owner, func(db *database.DB) error {
		return database.Migrate(ctx, db.SQL(), sets...)
	})
	if err != nil {
		return "", fmt.Errorf("database %s: %w", name, err)
	}
	// The first login is slow, because MySQL caches it: it is done here instead of in a
	// function's first request.
	err = withDatabase(url, func(db *database.DB) error { return db.PingContext(ctx) })
	if err != nil {
		return "", fmt.Errorf("log in as database user %s: %w", name, err)
	}
	return url, nil
}

// databaseName returns the name of a service's database and of its user.
func databaseName(prefix, service string) string {
	return cmp.Or(prefix, defaultPrefix) + "_" + service
}

// withDatabase calls do with an open database and closes it.
func withDatabase(url database.URL, do func(*database.DB) error) error {
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
