package local

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"souk/emulators/mysql"
	order "souk/functions/order/migrations"
	payment "souk/functions/payment/migrations"
	product "souk/functions/product/migrations"
	user "souk/functions/user/migrations"
	webhook "souk/functions/webhook/migrations"
	"souk/shared/database"
	"souk/shared/database/migration"
	"souk/shared/function"
	"souk/shared/manifest"
)

// tables are the services' own migrations.
var tables = map[string]database.Migrations{
	"product": product.All,
	"order":   order.All,
	"payment": payment.All,
	"user":    user.All,
	"webhook": webhook.All,
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
	// Passwords are those of the logins, by name.
	Passwords map[string]string
}

// Migrate creates or updates one database for each service with its tables, and the logins of
// the list's functions. It returns the URL of each login by name.
func (d Databases) Migrate(ctx context.Context, list *manifest.Manifest) (map[string]database.URL, error) {
	group, ctx := errgroup.WithContext(ctx)
	logins := list.Logins()
	urls := make([]database.URL, len(logins))
	for _, service := range list.Services() {
		group.Go(func() error {
			if err := d.migrate(ctx, service); err != nil {
				return err
			}
			for i, login := range logins {
				if login.Service != service {
					continue
				}
				var err error
				if urls[i], err = d.provision(ctx, login); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byName := map[string]database.URL{}
	for i, login := range logins {
		byName[login.Name] = urls[i]
	}
	return byName, nil
}

// migrate creates or updates the database of a service and its tables.
func (d Databases) migrate(ctx context.Context, service string) error {
	sets, err := Migrations(service)
	if err != nil {
		return err
	}
	name := databaseName(d.Prefix, service)
	owner, err := mysql.CreateDatabase(ctx, d.Server, name)
	if err != nil {
		return err
	}
	err = withDatabase(owner, func(db *database.DB) error {
		return migration.Apply(ctx, db.SQL(), sets...)
	})
	if err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	return nil
}

// provision creates or updates a login and returns its URL.
func (d Databases) provision(ctx context.Context, login manifest.Login) (database.URL, error) {
	access := mysql.Access{
		Database: databaseName(d.Prefix, login.Service), User: loginName(d.Prefix, login),
		Password: d.Passwords[login.Name], Rights: login.Rights,
	}
	url, err := mysql.Provision(ctx, d.Server, access)
	if err != nil {
		return "", err
	}
	// The first login is slow, because MySQL caches it: it is done here instead of in a
	// function's first request.
	err = withDatabase(url, func(db *database.DB) error { return db.PingContext(ctx) })
	if err != nil {
		return "", fmt.Errorf("log in as database user %s: %w", access.User, err)
	}
	return url, nil
}

// databaseName returns the name of a service's database.
func databaseName(prefix, service string) string {
	return cmp.Or(prefix, defaultPrefix) + "_" + service
}

// loginName returns the name of a login at the server, of at most 32 characters.
// https://dev.mysql.com/doc/refman/8.4/en/user-names.html
func loginName(prefix string, login manifest.Login) string {
	name := databaseName(prefix, strings.ReplaceAll(login.Name, "-", "_"))
	if len(name) <= maxLoginName {
		return name
	}
	return fmt.Sprintf("%.24s_%.3x", name, sha256.Sum256([]byte(name)))
}

const maxLoginName = 32

// withDatabase calls do with an open database and closes it.
func withDatabase(url database.URL, do func(*database.DB) error) error {
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// Prefix returns the prefix of a system's databases on an external server: the database
// name in the URL, empty without one.
func Prefix(server database.URL) (string, error) {
	if server == "" {
		return "", nil
	}
	cfg, err := database.ParseURL(string(server))
	if err != nil {
		return "", err
	}
	return cfg.DBName, nil
}
