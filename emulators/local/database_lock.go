//go:build !container

package local

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/googleapis/gax-go/v2"

	"souk/shared/database"
)

const (
	// checkPeriod is the time between two checks of a lock.
	checkPeriod = 500 * time.Millisecond
	// checkTimeout is the timeout of one check.
	checkTimeout = 5 * time.Second
	// lockGrace is how long a server must have been up before a system locks databases:
	// after a restart, a system that had the lock acquires it again within this time.
	lockGrace = 3 * time.Second
	// staleAfter is how long the server may take to notice a broken connection.
	staleAfter = 30 * time.Second
)

// databaseLock is a lock on the databases of a prefix, on a server that others may use too:
// two systems with the same databases would change each other's passwords. The server holds
// it for a connection, and loses it when it restarts.
type databaseLock struct {
	pool *sql.DB
	name string
	log  *slog.Logger
	// errInUse is the error if another system has the lock.
	errInUse error

	conn *sql.Conn
	id   int64 // of conn, at the server

	cancel context.CancelFunc
	ended  chan struct{}
}

// lockDatabases locks the databases of a prefix until release. It calls lost if another
// system acquires the lock, which is possible after a restart of the server.
func lockDatabases(ctx context.Context, server database.URL, prefix string, log *slog.Logger, lost func(error)) (*databaseLock, error) {
	prefix = cmp.Or(prefix, defaultPrefix)
	cfg, err := database.ParseURL(string(server))
	if err != nil {
		return nil, err
	}
	cfg.DBName = ""
	connector, err := database.Connector(cfg)
	if err != nil {
		return nil, err
	}
	l := &databaseLock{
		pool: sql.OpenDB(connector), name: "souk-system-" + prefix, log: log, ended: make(chan struct{}),
		errInUse: advise(fmt.Errorf("another system uses the databases %s_… of this server", prefix),
			"Stop it, or use other databases by naming one in the URL: …/%s2", prefix),
	}
	if err := l.awaitGrace(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the databases %s_…: %w", prefix, err), l.pool.Close())
	}
	if err := l.acquire(ctx); err != nil {
		return nil, errors.Join(err, l.pool.Close())
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go l.watch(watching, lost)
	return l, nil
}

// awaitGrace waits until the server has been up for lockGrace.
func (l *databaseLock) awaitGrace(ctx context.Context) error {
	for {
		var name string
		var seconds int64
		if err := l.pool.QueryRowContext(ctx, `SHOW GLOBAL STATUS LIKE 'Uptime'`).Scan(&name, &seconds); err != nil {
			return fmt.Errorf("read the server's uptime: %w", err)
		}
		remaining := lockGrace - time.Duration(seconds)*time.Second
		if remaining <= 0 {
			return nil
		}
		if err := gax.Sleep(ctx, remaining); err != nil {
			return err
		}
	}
}

// acquire acquires the lock on a new connection. It returns errInUse if another system has
// the lock.
func (l *databaseLock) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn, err := l.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database server: %w", err)
	}
	var got, owner sql.NullInt64
	var id int64
	err = conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 0), IS_USED_LOCK(?), CONNECTION_ID()`, l.name, l.name).Scan(&got, &owner, &id)
	switch {
	case err != nil:
		return errors.Join(fmt.Errorf("acquire the lock %s: %w", l.name, err), conn.Close())
	case got.Int64 == 1:
		l.conn, l.id = conn, id
		return nil
	case owner.Valid && owner.Int64 == l.id:
		return errors.Join(fmt.Errorf("acquire the lock %s: the server still holds it for the closed connection %d", l.name, l.id), conn.Close())
	}
	return errors.Join(l.errInUse, conn.Close())
}

// watch checks the lock until ctx is done, and acquires it again when it is lost.
func (l *databaseLock) watch(ctx context.Context, lost func(error)) {
	defer close(l.ended)
	for gax.Sleep(ctx, checkPeriod) == nil {
		if l.isHeld(ctx) || ctx.Err() != nil {
			continue
		}
		if err := l.reacquire(ctx); err != nil && ctx.Err() == nil {
			lost(err)
			return
		}
	}
}

func (l *databaseLock) isHeld(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var owner sql.NullInt64
	err := l.conn.QueryRowContext(ctx, `SELECT IS_USED_LOCK(?)`, l.name).Scan(&owner)
	return err == nil && owner.Valid && owner.Int64 == l.id
}

// reacquire tries to acquire the lock until it succeeds, another system has it, or ctx is
// done.
func (l *databaseLock) reacquire(ctx context.Context) error {
	l.log.WarnContext(ctx, "lost the lock on the databases: the database server restarted or closed the connection")
	_ = l.conn.Close() // the connection is broken or useless without the lock
	for begin := time.Now(); ; {
		err := l.acquire(ctx)
		if err == nil {
			l.log.WarnContext(ctx, "acquired the lock on the databases again")
			return nil
		}
		if errors.Is(err, l.errInUse) {
			return err
		}
		l.log.DebugContext(ctx, "acquire the lock on the databases again", "error", err)
		if time.Since(begin) > staleAfter {
			l.id = 0 // the id may now be that of another system's connection
		}
		if err := gax.Sleep(ctx, checkPeriod); err != nil {
			return err
		}
	}
}

// release releases the lock.
func (l *databaseLock) release() error {
	l.cancel()
	<-l.ended
	err := l.conn.Close()
	if errors.Is(err, sql.ErrConnDone) { // the lock was lost and not acquired again
		err = nil
	}
	if err := errors.Join(err, l.pool.Close()); err != nil {
		return fmt.Errorf("release the lock %s: %w", l.name, err)
	}
	return nil
}
