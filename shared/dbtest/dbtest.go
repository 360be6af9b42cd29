// Package dbtest gives each test a database of its own on a real server.
//
// A fake would agree with whatever the test believes; locks, isolation and
// strictness are the server's, so the tests ask the server.
package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"souk/shared/database"
)

// setUpTimeout bounds making and dropping a database. A server that is busy with
// a hundred other tests' DDL takes seconds.
const setUpTimeout = time.Minute

// PoolSize is what one test's pool may open at most. Test binaries run side by
// side, each with parallel tests, and share the server's connections.
const PoolSize = 8

// URL is the server to test on, DATABASE_URL, whose user may create databases.
// Without one the test fails: it has nothing to prove itself against.
func URL(t testing.TB) database.URL {
	t.Helper()
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		t.Fatal("this test needs a real MySQL or MariaDB server and DATABASE_URL is not set; " +
			"run `make test`, or `bin/souk database -- go test ./...` for a private server that lasts as long as the command")
	}
	return database.URL(url)
}

// New is an empty database of the test's own with sets applied, dropped when the
// test ends. Parallel tests do not see each other.
func New(t testing.TB, sets ...database.Migrations) *database.DB {
	t.Helper()
	return Open(t, Create(t, sets...), PoolSize)
}

// Create is New for a test that opens the database itself, such as one that
// starts a process: it returns the database's URL.
func Create(t testing.TB, sets ...database.Migrations) database.URL {
	t.Helper()
	cfg := mustParse(t, URL(t))
	cfg.DBName = uniqueName()
	ctx, cancel := context.WithTimeout(t.Context(), setUpTimeout)
	defer cancel()
	drop, err := createDatabase(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	migrate(ctx, t, database.FormatURL(cfg), sets)
	if tap := tapped.Load(); tap != nil {
		cfg = tap.through(cfg)
	}
	return database.FormatURL(cfg)
}

// createDatabase makes the database that cfg names, and returns what drops it.
func createDatabase(ctx context.Context, cfg *config) (drop func() error, err error) {
	// Its connections last as long as a statement takes: hundreds of tests must not
	// each hold one.
	server := cfg.Clone()
	server.DBName = ""
	connector, err := database.Connector(server)
	if err != nil {
		return nil, err
	}
	admin := sql.OpenDB(connector)
	admin.SetMaxIdleConns(-1)
	_, err = admin.ExecContext(ctx, "CREATE DATABASE `"+cfg.DBName+"` CHARACTER SET utf8mb4 COLLATE "+database.Collation)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create the test's database: %w", err), admin.Close())
	}
	return func() error {
		// The test's context is done by now.
		ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
		defer cancel()
		_, err := admin.ExecContext(ctx, "DROP DATABASE IF EXISTS `"+cfg.DBName+"`") //nolint:gosec // the name is our own
		if err != nil {
			err = fmt.Errorf("drop the test's database: %w", err)
		}
		return errors.Join(err, admin.Close())
	}, nil
}

func migrate(ctx context.Context, t testing.TB, url database.URL, sets []database.Migrations) {
	t.Helper()
	if len(sets) == 0 {
		return
	}
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	if err := errors.Join(database.Migrate(ctx, db.SQL(), sets...), db.Close()); err != nil {
		t.Fatalf("migrate the test's database: %v", err)
	}
}

func mustParse(t testing.TB, url database.URL) *config {
	t.Helper()
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// uniqueName begins alike in all tests, so that what a killed run left behind is
// easily told from everything else.
func uniqueName() string {
	return fmt.Sprintf("souk_test_%s", strings.ToLower(rand.Text()[:16]))
}

// Analyze has the server count what is in tables, for its plans to fit them.
func Analyze(t testing.TB, db *database.DB, tables ...string) {
	t.Helper()
	for _, table := range tables {
		var of, operation, kind, text string
		err := db.QueryRowContext(t.Context(), "ANALYZE TABLE `"+table+"`").Scan(&of, &operation, &kind, &text)
		if err != nil || kind != "status" {
			t.Fatalf("analyze %s: %s %s: %v", table, kind, text, err)
		}
	}
}
