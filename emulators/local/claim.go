package local

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"souk/shared/database"
)

const (
	// claimPeriod is how often a claim is checked, and how long it may be lost before
	// the first attempt to take it again.
	claimPeriod = 500 * time.Millisecond
	// claimTimeout bounds one check.
	claimTimeout = 5 * time.Second
	// claimGrace is how long a server must have been up before a system takes databases
	// that it did not have: one that had them takes them again within this time.
	claimGrace = 3 * time.Second
	// staleAfter is how long the server may take to notice that a connection is gone.
	staleAfter = 30 * time.Second
)

// claim is the right to the databases of a prefix on a server that others may use too:
// two systems on the same databases would change each other's passwords. It is a lock
// that the server holds for a connection, and loses when it restarts.
type claim struct {
	pool *sql.DB
	name string
	log  *slog.Logger
	// taken is the error of a system whose databases another one has.
	taken error

	conn *sql.Conn
	id   int64 // of conn, at the server

	cancel context.CancelFunc
	ended  chan struct{}
}

// takeClaim takes the databases of a prefix until release. When another system has
// taken them meanwhile, because the server restarted, it calls lost.
func takeClaim(ctx context.Context, server database.URL, prefix string, log *slog.Logger, lost func(error)) (*claim, error) {
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
	c := &claim{
		pool: sql.OpenDB(connector), name: "souk-system-" + prefix, log: log, ended: make(chan struct{}),
		taken: advise(fmt.Errorf("another system uses the databases %s_… of this server", prefix),
			"Stop it, or have databases of your own by naming one in the URL: …/%s2", prefix),
	}
	if err := c.awaitGrace(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("claim the databases %s_…: %w", prefix, err), c.pool.Close())
	}
	if err := c.take(ctx); err != nil {
		return nil, errors.Join(err, c.pool.Close())
	}
	holding, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	go c.hold(holding, lost)
	return c, nil
}

// awaitGrace waits while the server is so young that its last users may not be back.
func (c *claim) awaitGrace(ctx context.Context) error {
	for {
		var name string
		var seconds int64
		if err := c.pool.QueryRowContext(ctx, `SHOW GLOBAL STATUS LIKE 'Uptime'`).Scan(&name, &seconds); err != nil {
			return fmt.Errorf("read the server's uptime: %w", err)
		}
		missing := claimGrace - time.Duration(seconds)*time.Second
		if missing <= 0 {
			return nil
		}
		if err := sleep(ctx, missing); err != nil {
			return err
		}
	}
}

// take takes the lock on a new connection. Its error is c.taken when another has it.
func (c *claim) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	conn, err := c.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database server: %w", err)
	}
	var got, owner sql.NullInt64
	var id int64
	err = conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 0), IS_USED_LOCK(?), CONNECTION_ID()`, c.name, c.name).Scan(&got, &owner, &id)
	switch {
	case err != nil:
		return errors.Join(fmt.Errorf("take the lock %s: %w", c.name, err), conn.Close())
	case got.Int64 == 1:
		c.conn, c.id = conn, id
		return nil
	case owner.Valid && owner.Int64 == c.id:
		return errors.Join(fmt.Errorf("take the lock %s: the server has not noticed yet that connection %d is gone", c.name, c.id), conn.Close())
	}
	return errors.Join(c.taken, conn.Close())
}

// hold checks the claim until ctx ends, and takes it again when it is lost.
func (c *claim) hold(ctx context.Context, lost func(error)) {
	defer close(c.ended)
	for sleep(ctx, claimPeriod) == nil {
		if c.held(ctx) || ctx.Err() != nil {
			continue
		}
		if err := c.retake(ctx); err != nil && ctx.Err() == nil {
			lost(err)
			return
		}
	}
}

func (c *claim) held(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	var owner sql.NullInt64
	err := c.conn.QueryRowContext(ctx, `SELECT IS_USED_LOCK(?)`, c.name).Scan(&owner)
	return err == nil && owner.Valid && owner.Int64 == c.id
}

// retake tries until the claim is ours again or another system's, or ctx ends.
func (c *claim) retake(ctx context.Context) error {
	c.log.WarnContext(ctx, "the claim on the databases is lost: the database server restarted, or cut the connection")
	_ = c.conn.Close() // It is broken, or no use.
	for begin := time.Now(); ; {
		err := c.take(ctx)
		if err == nil {
			c.log.WarnContext(ctx, "the claim on the databases is taken again")
			return nil
		}
		if errors.Is(err, c.taken) {
			return err
		}
		c.log.DebugContext(ctx, "take the claim on the databases again", "error", err)
		if time.Since(begin) > staleAfter {
			c.id = 0 // What has this id now is another's.
		}
		if err := sleep(ctx, claimPeriod); err != nil {
			return err
		}
	}
}

// release returns the databases.
func (c *claim) release() error {
	c.cancel()
	<-c.ended
	err := c.conn.Close()
	if errors.Is(err, sql.ErrConnDone) { // it was lost, and not taken again
		err = nil
	}
	if err := errors.Join(err, c.pool.Close()); err != nil {
		return fmt.Errorf("release the lock %s: %w", c.name, err)
	}
	return nil
}

// sleep waits for a duration, or returns ctx's error when it ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
