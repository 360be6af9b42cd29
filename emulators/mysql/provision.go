package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"regexp"

	"souk/shared/database"
)

// Access is a service's database and the user its functions log in as.
type Access struct {
	Database string
	User     string
	// Password has at least 16 letters and digits; NewPassword makes one.
	Password string
}

// String leaves the password out.
func (a Access) String() string { return a.User + " on " + a.Database }

// GoString leaves the password out.
func (a Access) GoString() string { return a.String() }

// account is the user as SQL writes it. Any host may log in: a function can run
// in a container whose address nobody knows beforehand.
func (a Access) account() string { return "'" + a.User + "'@'%'" }

var (
	namePattern     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	passwordPattern = regexp.MustCompile(`^[A-Za-z0-9]{16,64}$`)
)

// validate keeps to names and passwords that need no escaping: DDL takes no
// arguments.
func (a Access) validate() error {
	switch {
	case !namePattern.MatchString(a.Database):
		return fmt.Errorf("the database's name %q does not match %s", a.Database, namePattern)
	case !namePattern.MatchString(a.User):
		return fmt.Errorf("the user's name %q does not match %s", a.User, namePattern)
	case !passwordPattern.MatchString(a.Password):
		return fmt.Errorf("the password of user %s does not match %s", a.User, passwordPattern)
	}
	return nil
}

// NewPassword is a random password of 26 letters and digits, 130 bits.
func NewPassword() string { return rand.Text() }

// Provision makes a service's database and its user, or brings what is there to
// this state, and returns the URL that the service's functions use. The user can
// read and write rows of its own database, and nothing else: tables are made by
// the administrator, who has DatabaseURL.
func Provision(ctx context.Context, admin database.URL, a Access) (database.URL, error) {
	db, err := openAdmin(admin)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := provision(ctx, db, a); err != nil {
		return "", err
	}
	cfg, err := database.ParseURL(string(admin))
	if err != nil {
		return "", err
	}
	cfg.User, cfg.Passwd, cfg.DBName = a.User, a.Password, a.Database
	return database.FormatURL(cfg), nil
}

// DatabaseURL is admin's login with a database chosen, for its migrations.
func DatabaseURL(admin database.URL, name string) (database.URL, error) {
	cfg, err := database.ParseURL(string(admin))
	if err != nil {
		return "", err
	}
	cfg.DBName = name
	return database.FormatURL(cfg), nil
}

func provision(ctx context.Context, admin *sql.DB, a Access) error {
	if err := a.validate(); err != nil {
		return fmt.Errorf("provision a database: %w", err)
	}
	for _, step := range []struct{ what, statement string }{
		{"create the database", "CREATE DATABASE IF NOT EXISTS " + quoteName(a.Database) +
			" CHARACTER SET utf8mb4 COLLATE " + database.Collation},
		{"create the user", "CREATE USER IF NOT EXISTS " + a.account() + " IDENTIFIED BY '" + a.Password + "'"},
		// A user that was there may have another password.
		{"set the user's password", "ALTER USER " + a.account() + " IDENTIFIED BY '" + a.Password + "'"},
	} {
		if _, err := admin.ExecContext(ctx, step.statement); err != nil {
			return fmt.Errorf("provision %s: %s: %w", a, step.what, err)
		}
	}
	if err := database.Grant(ctx, admin, a.Database, a.User, database.Rights{}); err != nil {
		return fmt.Errorf("provision %s: %w", a, err)
	}
	return nil
}

func quoteName(name string) string { return "`" + name + "`" }
