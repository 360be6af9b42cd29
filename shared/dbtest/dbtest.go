// Package dbtest creates a separate database for each test on a real server.
//
// A fake would share the test's assumptions: only a real server shows how locks,
// isolation levels and strict mode behave.
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

// setUpTimeout bounds creating and dropping a database. On a server that is busy with
// the DDL of a hundred other tests it takes seconds.
const setUpTimeout = time.Minute

// PoolSize is the maximum number of connections of one test's pool. Test binaries run in
// parallel, each with parallel tests, and share the server's connections.
const PoolSize = 8

// URL returns DATABASE_URL, the server to test on, whose user may create databases. It
// fails the test if it is not set.
func URL(t testing.TB) database.URL {
	t.Helper()
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		t.Fatal("this test needs a real MySQL or MariaDB server and DATABASE_URL is not set; " +
			"run `make test`, or `bin/souk database -- go test ./...` for a private server that lasts as long as the command")
	}
	return database.URL(url)
}

// New returns a new database for the test with the migrations of sets. It is dropped when
// the test ends.
func New(t testing.TB, sets ...database.Migrations) *database.DB {
	t.Helper()
	return Open(t, Create(t, sets...), PoolSize)
}

// Create is like New and returns the database's URL, for a test that opens the database
// itself, such as one that starts a process.
func Create(t testing.TB, sets ...database.Migrations) database.URL {
	t.Helper()
	cfg := create(t, sets)
	if recorder := active.Load(); recorder != nil {
		cfg = recorder.through(cfg)
	}
	return database.FormatURL(cfg)
}

// NewUnchecked is like New, but a plan checker does not check the statements of the test. It
// is for statements that are chosen by the numbers of rows in the test's tables, and for
// those that production code does not execute.
func NewUnchecked(t testing.TB, sets ...database.Migrations) *database.DB {
	t.Helper()
	return Open(t, database.FormatURL(create(t, sets)), PoolSize)
}

// NewFilled is like New, but the tables are filled, as for a plan checker: its plans are
// those of statements that are chosen by numbers of rows.
func NewFilled(t testing.TB, rows Rows, sets ...database.Migrations) *database.DB {
	t.Helper()
	cfg := create(t, sets)
	ctx, cancel := context.WithTimeout(t.Context(), setUpTimeout)
	defer cancel()
	if err := fill(ctx, Open(t, database.FormatURL(cfg), 1), rows); err != nil {
		t.Fatalf("fill the test's database: %v", err)
	}
	if recorder := active.Load(); recorder != nil {
		cfg = recorder.through(cfg)
	}
	return Open(t, database.FormatURL(cfg), PoolSize)
}

// create creates a database with the migrations of sets, which is dropped when the test ends.
func create(t testing.TB, sets []database.Migrations) *config {
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
	return cfg
}

// createDatabase creates the database that cfg names and returns a function that drops it.
func createDatabase(ctx context.Context, cfg *config) (drop func() error, err error) {
	// Its connections are closed after each statement: hundreds of tests must not each
	// have an idle one.
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
		// The test's context has ended.
		ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
		defer cancel()
		_, err := admin.ExecContext(ctx, "DROP DATABASE IF EXISTS `"+cfg.DBName+"`") //nolint:gosec // the name is from uniqueName
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
	if err := errors.Join(apply(ctx, db.SQL(), sets), db.Close()); err != nil {
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

// uniqueName returns a unique name with the prefix of all test databases, by which those
// of killed runs can be identified.
func uniqueName() string {
	return fmt.Sprintf("souk_test_%s", strings.ToLower(rand.Text()[:16]))
}

// Analyze updates the server's statistics of tables, on which its plans depend.
func Analyze(t testing.TB, db *database.DB, tables ...string) {
	t.Helper()
	for _, table := range tables {
		var name, operation, kind, text string
		err := db.QueryRowContext(t.Context(), "ANALYZE TABLE `"+table+"`").Scan(&name, &operation, &kind, &text)
		if err != nil || kind != "status" {
			t.Fatalf("analyze %s: %s %s: %v", table, kind, text, err)
		}
	}
}
