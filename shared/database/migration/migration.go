// Package migration applies migrations to databases. It is apart from package database so that
// the programs of functions, which must not change tables, do not contain it and goose.
package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	goosedb "github.com/pressly/goose/v3/database"

	"souk/shared/database"
)

// errNoSuchTable is ER_NO_SUCH_TABLE.
const errNoSuchTable = 1146

// lockWait bounds how long a migrator waits for another one.
const lockWait = 2 * time.Minute

var setName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// Apply applies the pending migrations of each set to the database of db, in order. Several
// migrators may run concurrently: the first applies them, and the others wait for it.
//
// A migrator may be killed at any time. MySQL commits each DDL statement separately, so a file
// has one statement, which takes effect completely or not at all. If it took effect and its
// version was not recorded, the next migrator detects that by the statement's error, checks
// the effect in information_schema and records the version (docs/adr/0028). A file that writes
// rows is one transaction with its version.
func Apply(ctx context.Context, db *sql.DB, sets ...database.Migrations) error {
	for _, set := range sets {
		if err := apply(ctx, db, set); err != nil {
			return fmt.Errorf("migrate %q: %w", set.Name, err)
		}
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, set database.Migrations) error {
	if !setName.MatchString(set.Name) {
		return fmt.Errorf("the set's name must match %s", setName)
	}
	if set.FS == nil {
		return nil
	}
	files, err := migrationFiles(set.FS)
	if err != nil {
		return err
	}
	versions, err := goosedb.NewStore(goosedb.DialectMySQL, set.Name+"_migration")
	if err != nil {
		return err
	}
	lock := sessionLock{wait: lockWait}
	provider, err := goose.NewProvider(goosedb.DialectCustom, db, files,
		goose.WithStore(versions),
		goose.WithSessionLocker(lock),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if err := prepareVersions(ctx, db, versions, lock); err != nil {
		return err
	}
	for {
		_, err := provider.Up(ctx)
		partial, ok := errors.AsType[*goose.PartialError](err)
		if !ok || partial.Failed == nil || partial.Failed.Source == nil {
			return err
		}
		source := partial.Failed.Source
		if !alreadyDone[database.ServerErrorNumber(err)] {
			return fmt.Errorf("%s: %w", source.Path, err)
		}
		interrupted := interrupted{db: db, versions: versions, lock: lock, files: files, source: source}
		if unfinished := interrupted.record(ctx); unfinished != nil {
			return fmt.Errorf("%s: %w; if a killed migrator applied it: %w", source.Path, err, unfinished)
		}
	}
}

// interrupted is a migration that took effect and whose version is not recorded.
type interrupted struct {
	db       *sql.DB
	versions goosedb.Store
	lock     sessionLock
	files    fs.FS
	source   *goose.Source
}

// record records the version if the statement has taken effect completely.
func (i interrupted) record(ctx context.Context) error {
	text, err := fs.ReadFile(i.files, i.source.Path)
	if err != nil {
		return err
	}
	return withLock(ctx, i.db, i.lock, func(conn *sql.Conn) error {
		// Another migrator may have recorded it.
		_, err := i.versions.GetMigration(ctx, conn, i.source.Version)
		if !errors.Is(err, goosedb.ErrVersionNotFound) {
			return err
		}
		if err := tookEffect(ctx, conn, upStatement(string(text))); err != nil {
			return err
		}
		slog.WarnContext(ctx, "recorded the version of a migration that an interrupted migrator applied", "file", i.source.Path)
		return i.versions.Insert(ctx, conn, goosedb.InsertRequest{Version: i.source.Version})
	})
}

// upStatement returns the statement of a file in goose's format.
func upStatement(text string) string {
	_, up, _ := strings.Cut(text, "-- +goose Up")
	up, _, _ = strings.Cut(up, "-- +goose Down")
	return up
}

func migrationFiles(files fs.FS) (fs.FS, error) {
	atRoot, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list its files: %w", err)
	}
	if len(atRoot) > 0 {
		return files, nil
	}
	return fs.Sub(files, "migrations")
}

// prepareVersions creates the table of versions, with goose's initial version 0. Goose does
// that too, but before it acquires the lock: another migrator may then find the table without
// a version, and so would all later ones if the first was killed in between.
func prepareVersions(ctx context.Context, db *sql.DB, versions goosedb.Store, lock sessionLock) error {
	return withLock(ctx, db, lock, func(conn *sql.Conn) error {
		_, err := versions.GetMigration(ctx, conn, 0)
		if database.ServerErrorNumber(err) == errNoSuchTable {
			if err := versions.CreateVersionTable(ctx, conn); err != nil {
				return err
			}
			err = goosedb.ErrVersionNotFound
		}
		if errors.Is(err, goosedb.ErrVersionNotFound) {
			err = versions.Insert(ctx, conn, goosedb.InsertRequest{Version: 0})
		}
		return err
	})
}

// withLock runs do on a connection that has the lock.
func withLock(ctx context.Context, db *sql.DB, lock sessionLock, do func(*sql.Conn) error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("get a connection for migrations: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := lock.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	return do(conn)
}

// sessionLock is a named lock of the server, one per database. The server releases it when
// the session ends, unlike a row in a lock table after a migrator was killed.
type sessionLock struct{ wait time.Duration }

// GET_LOCK's names are global to the server and at most 64 characters long, so they contain a
// hash of the database's name.
const lockName = `CONCAT('souk-migrate-', LEFT(SHA2(DATABASE(), 256), 40))`

// SessionLock waits until conn's session has the lock.
func (l sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+lockName+`, ?)`, int(l.wait.Seconds())).Scan(&got)
	if err != nil {
		return fmt.Errorf("acquire the migration lock: %w", err)
	}
	if got.Int64 != 1 {
		return fmt.Errorf("acquire the migration lock: another migrator has held it for %s", l.wait)
	}
	return nil
}

// SessionUnlock releases the lock.
func (l sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var freed sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT RELEASE_LOCK(`+lockName+`)`).Scan(&freed); err != nil {
		return fmt.Errorf("release the migration lock: %w", err)
	}
	if freed.Int64 != 1 {
		return errors.New("release the migration lock: this session did not have it")
	}
	return nil
}
