package local

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/database"
	"souk/shared/event"
)

// tables are the migrations of each service.
var tables = map[string]database.Migrations{
	"product": product.Migrations,
	"order":   order.Migrations,
	"user":    user.Migrations,
}

// defaultPrefix begins the names of the services' databases and users where the
// server's URL names no database.
const defaultPrefix = "souk"

// Databases says which databases to make for the services, where.
type Databases struct {
	// Server is the URL of an account that may create databases and users. If it
	// names a database, that begins the names of all that is made: shop makes
	// shop_product and so on. So several systems can share a server.
	Server database.URL
	// Passwords are those of the services' users, by service. A service without
	// one gets no user.
	Passwords map[string]string
}

// Migrate makes one database a service with its tables, and one user a service
// that can read and write its rows and do nothing else. What is there already is
// brought up to date. It returns the URL that each service connects with.
func (d Databases) Migrate(ctx context.Context, services []string) (map[string]database.URL, error) {
	server, err := database.ParseURL(string(d.Server))
	if err != nil {
		return nil, err
	}
	prefix := cmp.Or(server.DBName, defaultPrefix)
	server.DBName = ""
	connector, err := database.Connector(server)
	if err != nil {
		return nil, err
	}
	admin := sql.OpenDB(connector)
	defer admin.Close()
	if err := admin.PingContext(ctx); err != nil {
		return nil, explainConnect(err, d.Server)
	}
	group, ctx := errgroup.WithContext(ctx)
	urls := make([]database.URL, len(services))
	for i, service := range services {
		login := server.Clone()
		login.DBName = prefix + "_" + service
		group.Go(func() error {
			if err := d.migrate(ctx, admin, login.Clone(), service); err != nil {
				return err
			}
			if password, wanted := d.Passwords[service]; wanted {
				login.User, login.Passwd = login.DBName, password
				urls[i] = database.FormatURL(login)
				return provide(ctx, admin, login)
			}
			return nil
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

// migrate makes a service's database and its tables.
func (d Databases) migrate(ctx context.Context, admin *sql.DB, login *mysql.Config, service string) error {
	sets, known := tables[service]
	if !known {
		return fmt.Errorf("service %s has no migrations here", service)
	}
	_, err := admin.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(login.DBName)+
		" CHARACTER SET utf8mb4 COLLATE "+database.Collation)
	if err != nil {
		return explainGrant(fmt.Errorf("create database %s: %w", login.DBName, err))
	}
	db, err := database.Open(database.Config{URL: database.FormatURL(login)})
	if err != nil {
		return err
	}
	err = database.Migrate(ctx, db.SQL(), event.Migrations, sets)
	return errors.Join(err, db.Close())
}

// provide makes a service's user, and logs in as it: a server that keeps hashes
// of passwords then has this one ready when the first function asks.
func provide(ctx context.Context, admin *sql.DB, login *mysql.Config) error {
	account := quoteText(login.User) + "@'%'"
	for _, statement := range []string{
		"CREATE USER IF NOT EXISTS " + account + " IDENTIFIED BY " + quoteText(login.Passwd),
		"ALTER USER " + account + " IDENTIFIED BY " + quoteText(login.Passwd),
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + quotePattern(login.DBName) + ".* TO " + account,
	} {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			// The statement itself holds a password.
			return explainGrant(fmt.Errorf("make database user %s: %w", login.User, err))
		}
	}
	db, err := database.Open(database.Config{URL: database.FormatURL(login)})
	if err != nil {
		return err
	}
	if err := db.PingContext(ctx); err != nil {
		err = fmt.Errorf("log in as database user %s: %w", login.User, err)
		return errors.Join(err, db.Close())
	}
	return db.Close()
}

// explainConnect says what to do when the server cannot be reached.
func explainConnect(err error, server database.URL) error {
	var refused *mysql.MySQLError
	err = fmt.Errorf("connect to the database server %s: %w", server, err)
	if errors.As(err, &refused) {
		return advise(err, "The server answers and refuses the login: check user and password in the database URL.")
	}
	return advise(err, "Check host and port in the database URL, and that the server runs. Without a URL, souk up starts a server of its own.")
}

// explainGrant says what to do when the account may not do what is needed.
func explainGrant(err error) error {
	const (
		accessDenied   = 1044 // ER_DBACCESS_DENIED_ERROR
		commandDenied  = 1142 // ER_TABLEACCESS_DENIED_ERROR
		privilegeNeeds = 1227 // ER_SPECIFIC_ACCESS_DENIED_ERROR
	)
	var refused *mysql.MySQLError
	if errors.As(err, &refused) {
		switch refused.Number {
		case accessDenied, commandDenied, privilegeNeeds:
			return advise(err, "The account in the database URL must be one that may create databases and users.")
		}
	}
	return err
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quotePattern quotes a database name for GRANT, where _ would stand for any
// character: souk_order would be granted on soukXorder as well.
func quotePattern(name string) string {
	return quoteName(strings.NewReplacer(`_`, `\_`, `%`, `\%`).Replace(name))
}

// quoteText quotes a string, under any sql_mode: with no backslash in it, a
// doubled quote is all that is needed.
func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
