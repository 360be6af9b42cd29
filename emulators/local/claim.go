package local

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"souk/shared/database"
)

// claim takes the databases of a prefix on a server that others may use too, for
// as long as its connection lives: two systems on the same databases would change
// each other's passwords. It returns how to give them back.
func claim(ctx context.Context, server database.URL, prefix string) (release func() error, err error) {
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
	pool := sql.OpenDB(connector)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the database server: %w", err), pool.Close())
	}
	release = func() error { return errors.Join(conn.Close(), pool.Close()) }
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 0)`, "souk-system-"+prefix).Scan(&got); err != nil {
		return nil, errors.Join(fmt.Errorf("claim the databases %s_…: %w", prefix, err), release())
	}
	if got.Int64 != 1 {
		taken := advise(fmt.Errorf("another system uses the databases %s_… of this server", prefix),
			"Stop it, or have databases of your own by naming one in the URL: …/%s2", prefix)
		return nil, errors.Join(taken, release())
	}
	return release, nil
}
