package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Collation is the collation of every connection and table: the newest Unicode collation of
// both MySQL 8.4 and MariaDB 10.11.
const Collation = "utf8mb4_unicode_ci"

const (
	dialTimeout = 5 * time.Second
	// connectTimeout bounds dialing, the handshake and the session's settings in total.
	connectTimeout = 10 * time.Second
	// readMargin is added to the statement timeout for the driver's timeouts, which bound
	// the wait for each further packet of a result. Without any response, the statement's
	// context ends first.
	readMargin = time.Second
)

// sessionSetup is sent once per connection. It sets every variable that Souk's statements
// depend on, independently of the server's defaults and init_connect. The isolation level and
// access mode are a separate statement because their variables have different names in MySQL
// and MariaDB.
var sessionSetup = []string{
	"SET autocommit = 1, completion_type = 'NO_CHAIN'," +
		// The same strict mode on every server: a value that does not fit is an error
		// and is not truncated.
		" sql_mode = 'TRADITIONAL,ONLY_FULL_GROUP_BY', time_zone = '+00:00'," +
		// Five seconds are long for a row lock, and short enough that a request can
		// retry.
		" innodb_lock_wait_timeout = 5," +
		" foreign_key_checks = 1, unique_checks = 1, sql_safe_updates = 0, sql_auto_is_null = 0," +
		" sql_select_limit = DEFAULT, default_storage_engine = 'InnoDB'",
	// Repeatable read takes gap locks, which deadlock concurrent inserts. Souk does not
	// need them: its invariants use conditional statements or locked rows.
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
}

// withDriverSettings overrides the parameters of a DSN that determine how values are
// encoded, because code depends on them.
func withDriverSettings(cfg *mysql.Config) *mysql.Config {
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.Collation = Collation
	// For statements that preparingConn does not prepare. The driver escapes by the server's
	// mode; in utf8mb4 no byte of a multi-byte character is a quote.
	cfg.InterpolateParams = true
	// Affected rows are those that the WHERE matched, changed or not. So a conditional
	// UPDATE reports whether its condition was true even if it changed no value.
	cfg.ClientFoundRows = true
	cfg.MultiStatements = false
	cfg.CheckConnLiveness = true
	if cfg.Timeout == 0 {
		cfg.Timeout = dialTimeout
	}
	cfg.Logger = driverLog{}
	return cfg
}

// driverLog writes the driver's messages to the log. Some report what no error does: that an
// idle connection was closed and is replaced.
type driverLog struct{}

// Print logs a message of the driver.
func (driverLog) Print(v ...any) {
	slog.Warn("database driver", "driver", fmt.Sprint(v...))
}

// Connector returns a connector for the server of cfg, which sets up each session. It does
// not connect yet.
func Connector(cfg *mysql.Config) (driver.Connector, error) {
	inner, err := mysql.NewConnector(cfg)
	if err != nil {
		// The driver's text may quote parameters. ParseURL has already refused everything
		// that NewConnector refuses, except unknown TLS settings.
		return nil, errors.New("DATABASE_URL: the driver refuses a parameter, such as tls")
	}
	return &connector{inner: inner}, nil
}

type connector struct {
	inner driver.Connector
	close func() error
}

// Connect dials, logs in and sets the session up.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, _, end := bound(ctx, connectTimeout)
	defer end()
	conn, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	server, ok := conn.(serverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("set up a database session: %T does not accept statements", conn), conn.Close())
	}
	for _, statement := range sessionSetup {
		if _, err := server.ExecContext(ctx, statement, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("set up a database session: %w", err), conn.Close())
		}
	}
	return newPreparingConn(server), nil
}

// Driver returns the MySQL driver.
func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

// Close closes the dialer. database/sql calls it when the pool is closed.
func (c *connector) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// Open returns the pool of a service's database. It does not connect: the first statement
// does, so that a function listens at once.
func Open(cfg Config) (*DB, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	connector, err := cfg.connector()
	if err != nil {
		return nil, err
	}
	return &DB{pool: openPool(connector, cfg), timeout: cfg.StatementTimeout}, nil
}

// Unavailable returns a database whose statements fail. It is for functions without a database.
func Unavailable() *DB {
	return &DB{pool: sql.OpenDB(noConnector{})}
}

type noConnector struct{}

// Connect fails.
func (noConnector) Connect(context.Context) (driver.Conn, error) {
	return nil, errors.New("this function has no database")
}

// Driver returns the MySQL driver.
func (noConnector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

func (c Config) connector() (driver.Connector, error) {
	if c.URL == "" {
		return cloudSQLConnector(c)
	}
	parsed, err := ParseURL(string(c.URL))
	if err != nil {
		return nil, err
	}
	c.bound(parsed)
	return Connector(parsed)
}

// bound sets the driver's timeouts, which apply to single packets.
func (c Config) bound(cfg *mysql.Config) {
	if c.StatementTimeout > 0 {
		cfg.ReadTimeout, cfg.WriteTimeout = c.StatementTimeout+readMargin, c.StatementTimeout+readMargin
	}
}

func openPool(connector driver.Connector, cfg Config) *sql.DB {
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(cfg.MaxOpenConns)
	pool.SetMaxIdleConns(cfg.MaxOpenConns)
	pool.SetConnMaxLifetime(cfg.ConnMaxLifetime + rand.N(cfg.ConnMaxLifetime/5+1))
	pool.SetConnMaxIdleTime(cfg.ConnMaxIdleTime)
	return pool
}
