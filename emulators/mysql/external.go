package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"souk/shared/database"
)

const useURLTimeout = 20 * time.Second

// useURL connects to the server of o.URL and checks that it is suitable.
func useURL(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, useURLTimeout)
	defer cancel()
	cfg, err := database.ParseURL(string(o.URL))
	if err != nil {
		return nil, err
	}
	cfg.DBName = ""
	url := database.FormatURL(cfg)
	admin, err := openAdmin(url)
	if err != nil {
		return nil, err
	}
	defer admin.Close()

	server := &Server{From: "DATABASE_URL", adminURL: url}
	if server.Kind, server.Version, err = readVersion(ctx, admin); err != nil {
		return nil, fmt.Errorf("DATABASE_URL: the server at %s: %w", cfg.Addr, withHint(err))
	}
	if err := checkVersion(server.Kind, server.Version); err != nil {
		return nil, fmt.Errorf("DATABASE_URL: the server at %s: %w", cfg.Addr, err)
	}
	if err := tryRights(ctx, admin); err != nil {
		return nil, fmt.Errorf("DATABASE_URL: the user %q at %s may not create databases and users, which each service needs; "+
			"let an administrator run GRANT ALL PRIVILEGES ON *.* TO this user WITH GRANT OPTION: %w", cfg.User, cfg.Addr, err)
	}
	return server, nil
}

// openAdmin returns a pool without a default database. It does not connect yet.
func openAdmin(url database.URL) (*sql.DB, error) {
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		return nil, err
	}
	// The database of the URL may be only the prefix of other names and not exist.
	cfg.DBName = ""
	connector, err := database.Connector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func readVersion(ctx context.Context, admin *sql.DB) (kind, version string, err error) {
	if err := admin.QueryRowContext(ctx, `SELECT VERSION()`).Scan(&version); err != nil {
		return "", "", err
	}
	kind = kindMySQL
	if strings.Contains(version, kindMariaDB) {
		kind = kindMariaDB
	}
	version, _, _ = strings.Cut(version, "-")
	return kind, version, nil
}

// tryRights creates and removes a trial database and a user with restricted rights, as the
// start does: grants have too many forms to evaluate them.
func tryRights(ctx context.Context, admin *sql.DB) (err error) {
	name := "souk_check_" + strings.ToLower(rand.Text()[:8])
	secret := database.Column{Table: "trial", Name: "secret"}
	access := Access{Database: name, User: name, Password: NewPassword(), Rights: database.Rights{NoRead: []database.Column{secret}}}
	defer func() {
		if dropErr := drop(context.WithoutCancel(ctx), admin, access); err == nil {
			err = dropErr
		}
	}()
	if err := createDatabase(ctx, admin, name); err != nil {
		return err
	}
	if _, err := admin.ExecContext(ctx, "CREATE TABLE "+quoteName(name)+".trial (id INT, secret INT)"); err != nil {
		return fmt.Errorf("create a table: %w", err)
	}
	return provision(ctx, admin, access)
}

func drop(ctx context.Context, admin *sql.DB, a Access) error {
	var errs []error
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + quoteName(a.Database),
		"DROP USER IF EXISTS " + a.account(),
	} {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			errs = append(errs, fmt.Errorf("remove a trial database: %w", err))
		}
	}
	return errors.Join(errs...)
}

// withHint adds advice for the most common connection errors.
func withHint(err error) error {
	var server *mysql.MySQLError
	switch {
	case errors.As(err, &server) && server.Number == 1045:
		return fmt.Errorf("%w (check the user and the password)", err)
	case errors.As(err, &server) && server.Number == 1040:
		return fmt.Errorf("%w (raise the server's max_connections or end other clients)", err)
	case strings.Contains(err.Error(), "connection refused"):
		return fmt.Errorf("%w (is the server running, and is this its port?)", err)
	case strings.Contains(err.Error(), "no such host"):
		return fmt.Errorf("%w (check the host's name)", err)
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "i/o timeout"):
		return fmt.Errorf("%w (no response: check host, port and firewall)", err)
	}
	return err
}
