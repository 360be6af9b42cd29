package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"souk/shared/database"
)

// CreateLogin returns the URL of a database that Create returned, with a new login that has
// exactly these rights. The login is dropped when the test ends.
func CreateLogin(t testing.TB, url database.URL, rights database.Rights) database.URL {
	t.Helper()
	cfg := mustParse(t, url)
	admin := Open(t, url, 1)
	login, password := "souk-test-"+strings.ToLower(rand.Text()[:16]), rand.Text()+"a-1"
	exec := func(ctx context.Context, statement string) {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	exec(t.Context(), "CREATE USER '"+login+"'@'%' IDENTIFIED BY '"+password+"'")
	t.Cleanup(func() { exec(context.Background(), "DROP USER '"+login+"'@'%'") })
	if err := database.Grant(t.Context(), admin, cfg.DBName, login, rights); err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Passwd = login, password
	return database.FormatURL(cfg)
}

// ReservePrefix returns the URL of the server with a unique prefix for the names of the
// databases and logins that a system creates there. They are dropped when the test ends.
func ReservePrefix(t testing.TB) database.URL {
	t.Helper()
	cfg := mustParse(t, URL(t))
	prefix := "souk_test_" + strings.ToLower(rand.Text()[:8])
	cfg.DBName = ""
	server := database.FormatURL(cfg)
	t.Cleanup(func() {
		if err := dropPrefix(context.Background(), server, prefix+"_"); err != nil {
			t.Error(err)
		}
	})
	cfg.DBName = prefix
	return database.FormatURL(cfg)
}

// dropPrefix drops all databases and logins whose names begin with a prefix.
func dropPrefix(ctx context.Context, server database.URL, prefix string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	cfg, err := database.ParseURL(string(server))
	if err != nil {
		return err
	}
	connector, err := database.Connector(cfg)
	if err != nil {
		return err
	}
	admin := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, admin.Close()) }()
	statements, err := database.Collect(ctx, admin, database.ScanColumn[string], `
		SELECT CONCAT('DROP DATABASE `+"`', schema_name, '`'"+`) FROM information_schema.schemata WHERE LEFT(schema_name, ?) = ?
		UNION ALL
		SELECT CONCAT('DROP USER `+"`', user, '`@`', host, '`'"+`) FROM mysql.user WHERE LEFT(user, ?) = ?`,
		len(prefix), prefix, len(prefix), prefix)
	if err != nil {
		return fmt.Errorf("read the names that begin with %s: %w", prefix, err)
	}
	for _, statement := range statements {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
