package database

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
)

// migrateLockWait bounds how long a migrator waits for another one.
const migrateLockWait = 2 * time.Minute

// Migrations is a set of numbered SQL files of one owner, such as a service or
// the outbox. Sets of one database do not see each other's versions.
type Migrations struct {
	// Name is the owner, lower case; the versions applied are kept in the table
	// <Name>_migration.
	Name string
	// FS holds 00001_name.sql … in goose's format, at its root or in a folder
	// named migrations.
	FS fs.FS
}

var migrationsName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// Migrate brings the database of db up to date with each set, in the order
// given. Several migrators may run at once: the first applies, the others wait
// for it and find nothing left to do.
//
// A migrator may be killed at any moment. MySQL commits each DDL statement by itself,
// so a file has one statement: either it took effect or not. If it did and its version
// was not recorded, the next migrator finds that out by the statement's error, checks
// the whole effect in information_schema and records the version (docs/adr/0028). A
// file that writes rows is one transaction with its version.
func Migrate(ctx context.Context, db *sql.DB, sets ...Migrations) error {
	for _, set := range sets {
		if err := migrate(ctx, db, set); err != nil {
			return fmt.Errorf("migrate %q: %w", set.Name, err)
		}
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, set Migrations) error {
	if !migrationsName.MatchString(set.Name) {
		return fmt.Errorf("the set's name must match %s", migrationsName)
	}
	files, err := migrationFiles(set.FS)
	if err != nil {
		return err
	}
	versions, err := goosedb.NewStore(goosedb.DialectMySQL, set.Name+"_migration")
	if err != nil {
		return err
	}
	lock := sessionLock{wait: migrateLockWait}
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
		if !alreadyDone[serverErrorNumber(err)] {
			return fmt.Errorf("%s: %w", source.Path, err)
		}
		interrupted := interrupted{db: db, versions: versions, lock: lock, files: files, source: source}
		if unfinished := interrupted.record(ctx); unfinished != nil {
			return fmt.Errorf("%s: %w; if a killed migrator applied it: %w", source.Path, err, unfinished)
		}
	}
}

// interrupted is a migration whose version is not recorded, and whose statement finds
// that it took effect.
type interrupted struct {
	db       *sql.DB
	versions goosedb.Store
	lock     sessionLock
	files    fs.FS
	source   *goose.Source
}

// record records the version if all that the statement does has been done.
func (i interrupted) record(ctx context.Context) error {
	text, err := fs.ReadFile(i.files, i.source.Path)
	if err != nil {
		return err
	}
	return withLock(ctx, i.db, i.lock, func(conn *sql.Conn) error {
		// Another migrator may have done so.
		_, err := i.versions.GetMigration(ctx, conn, i.source.Version)
		if !errors.Is(err, goosedb.ErrVersionNotFound) {
			return err
		}
		if err := tookEffect(ctx, conn, upStatement(string(text))); err != nil {
			return err
		}
		slog.WarnContext(ctx, "a migration was applied by a migrator that was interrupted; its version is recorded now", "file", i.source.Path)
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
	if files == nil {
		return nil, errors.New("it has no files")
	}
	atRoot, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list its files: %w", err)
	}
	if len(atRoot) > 0 {
		return files, nil
	}
	return fs.Sub(files, "migrations")
}

// prepareVersions makes the table of versions, with the version 0 that goose
// counts from. Goose does so as well, but before it takes the lock: another
// migrator may then find the table and no version in it, and so would all that
// come after one that was killed in between.
func prepareVersions(ctx context.Context, db *sql.DB, versions goosedb.Store, lock sessionLock) error {
	return withLock(ctx, db, lock, func(conn *sql.Conn) error {
		_, err := versions.GetMigration(ctx, conn, 0)
		if serverErrorNumber(err) == errNoSuchTable {
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

// withLock runs do on a connection that holds the lock.
func withLock(ctx context.Context, db *sql.DB, lock sessionLock, do func(*sql.Conn) error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("get a connection to migrate by: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := lock.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	return do(conn)
}

// sessionLock is a named lock of the server, one a database. The server frees it
// when the session ends, so a migrator that was killed leaves nothing behind; a
// lock table would.
type sessionLock struct{ wait time.Duration }

// GET_LOCK's names are the whole server's and at most 64 characters long, so the
// database's name goes in as a hash.
const lockName = `CONCAT('souk-migrate-', LEFT(SHA2(DATABASE(), 256), 40))`

// SessionLock waits until conn's session holds the lock.
func (l sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+lockName+`, ?)`, int(l.wait.Seconds())).Scan(&got)
	if err != nil {
		return fmt.Errorf("take the migration lock: %w", err)
	}
	if got.Int64 != 1 {
		return fmt.Errorf("take the migration lock: another migrator has held it for %s", l.wait)
	}
	return nil
}

// SessionUnlock gives the lock back.
func (l sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var freed sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT RELEASE_LOCK(`+lockName+`)`).Scan(&freed); err != nil {
		return fmt.Errorf("free the migration lock: %w", err)
	}
	if freed.Int64 != 1 {
		return errors.New("free the migration lock: this session did not hold it")
	}
	return nil
}
