package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"regexp"

	"souk/shared/database"
)

// Access is a service's database and a user of it.
type Access struct {
	Database string
	User     string
	// Rights are those of the user in the database, whose tables exist.
	Rights database.Rights
	// Password has at least 16 letters and digits; NewPassword generates one.
	Password string
	// Process lets the user see the connections of all users and what they execute.
	Process bool
}

// String returns the user and the database without the password.
func (a Access) String() string { return a.User + " on " + a.Database }

// GoString returns the same as String, without the password.
func (a Access) GoString() string { return a.String() }

// account returns the user in SQL syntax. Any host may log in: a function may run in a
// container with an unknown address.
func (a Access) account() string { return "'" + a.User + "'@'%'" }

var (
	namePattern     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	passwordPattern = regexp.MustCompile(`^[A-Za-z0-9]{16,64}$`)
)

// validate accepts only names and passwords that need no escaping: DDL statements have no
// parameters.
func (a Access) validate() error {
	switch {
	case !namePattern.MatchString(a.Database):
		return fmt.Errorf("database name %q does not match %s", a.Database, namePattern)
	case !namePattern.MatchString(a.User):
		return fmt.Errorf("user name %q does not match %s", a.User, namePattern)
	case !passwordPattern.MatchString(a.Password):
		return fmt.Errorf("the password of user %s does not match %s", a.User, passwordPattern)
	}
	return nil
}

// NewPassword returns a random password of 26 letters and digits, 130 bits.
func NewPassword() string { return rand.Text() }

// CreateDatabase creates a database if it does not exist, and returns admin's URL with it,
// for migrations.
func CreateDatabase(ctx context.Context, admin database.URL, name string) (database.URL, error) {
	db, err := openAdmin(admin)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := createDatabase(ctx, db, name); err != nil {
		return "", err
	}
	return DatabaseURL(admin, name)
}

func createDatabase(ctx context.Context, admin *sql.DB, name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("create a database: the name %q does not match %s", name, namePattern)
	}
	_, err := admin.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(name)+" CHARACTER SET utf8mb4 COLLATE "+database.Collation)
	if err != nil {
		return fmt.Errorf("create the database %s: %w", name, err)
	}
	return nil
}

// Provision creates or updates a user of a database, and returns its URL. The user can read
// and write rows as its rights allow, and nothing else: tables are created by the
// administrator.
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

// DatabaseURL returns admin's URL with a database, for migrations.
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
		return fmt.Errorf("provision a database user: %w", err)
	}
	for _, step := range []struct{ what, statement string }{
		{"create the user", "CREATE USER IF NOT EXISTS " + a.account() + " IDENTIFIED BY '" + a.Password + "'"},
		// An existing user may have another password.
		{"set the user's password", "ALTER USER " + a.account() + " IDENTIFIED BY '" + a.Password + "'"},
	} {
		if _, err := admin.ExecContext(ctx, step.statement); err != nil {
			return fmt.Errorf("provision %s: %s: %w", a, step.what, err)
		}
	}
	if a.Process {
		if _, err := admin.ExecContext(ctx, "GRANT PROCESS ON *.* TO "+a.account()); err != nil {
			return fmt.Errorf("provision %s: grant the privilege PROCESS: %w", a, err)
		}
	}
	if err := database.Grant(ctx, admin, a.Database, a.User, a.Rights); err != nil {
		return fmt.Errorf("provision %s: %w", a, err)
	}
	return nil
}

func quoteName(name string) string { return "`" + name + "`" }
