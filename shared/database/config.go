// Package database opens the database of a service and runs its transactions.
//
// The SQL is in each service's store.go. This package connects to the server, sets up
// sessions and retries transactions.
package database

import (
	"errors"
	"fmt"
	"time"

	"souk/shared/config"
)

// Pool defaults. Cloud Run starts many instances with one pool each: the server's
// max_connections must be at least instances × MaxOpenConns. Eight connections use two CPUs
// fully with statements of about a millisecond; more would move the queue from the pool to
// the server, where row locks are held.
const (
	defaultMaxOpenConns    = 8
	defaultConnMaxLifetime = 30 * time.Minute
	defaultConnMaxIdleTime = 5 * time.Minute
)

// Config configures a database and its pool. It is loaded from the environment by its env
// tags. A zero pool setting means the default.
//
// Either URL is set, or InstanceConnectionName with User and Name.
type Config struct {
	// URL is mysql://user:password@host:3306/database or a DSN of go-sql-driver/mysql. It
	// overrides the Cloud SQL settings.
	URL URL `env:"DATABASE_URL"`

	// InstanceConnectionName is a Cloud SQL instance, project:region:name, which is used
	// through the Cloud SQL connector.
	InstanceConnectionName string `env:"INSTANCE_CONNECTION_NAME"`
	// User is the IAM database user: for MySQL the service account's address up
	// to the @, see https://cloud.google.com/sql/docs/mysql/iam-logins.
	User string `env:"DATABASE_USER"`
	// Password makes User a login by password instead of IAM. It is for migrations, which
	// grant the rights of the other logins.
	Password config.Secret `env:"DATABASE_PASSWORD"`
	// Name is the database to use on the Cloud SQL instance.
	Name string `env:"DATABASE_NAME"`
	// PrivateIP dials the Cloud SQL instance at its private address.
	PrivateIP bool `env:"DATABASE_PRIVATE_IP"`

	// ReplicaURL is a read replica of the server of URL, ReplicaInstance one of the Cloud
	// SQL instance: see ReplicaReader. The login and the database are the same.
	ReplicaURL      URL    `env:"DATABASE_REPLICA_URL"`
	ReplicaInstance string `env:"DATABASE_REPLICA_INSTANCE"`

	// MaxOpenConns bounds the pool. As many connections may stay idle, so that the next
	// burst of requests does not need new handshakes.
	MaxOpenConns int `env:"DATABASE_MAX_OPEN_CONNS"`
	// ConnMaxLifetime is how long a connection is used. Each process adds up to a fifth at
	// random, so that instances that start together do not reconnect together.
	ConnMaxLifetime time.Duration `env:"DATABASE_CONN_MAX_LIFETIME"`
	// ConnMaxIdleTime is the idle time after which a connection is closed.
	ConnMaxIdleTime time.Duration `env:"DATABASE_CONN_MAX_IDLE_TIME"`

	// StatementTimeout bounds every statement, including COMMIT and ROLLBACK, and the wait
	// for its connection: a server that accepts connections and never responds must not
	// block requests. config.Load sets the default. 0 means no bound, for migrations and
	// audits, whose statements may take minutes.
	StatementTimeout time.Duration `env:"DATABASE_STATEMENT_TIMEOUT" envDefault:"10s"`
}

// Validate returns all errors of c, without passwords.
func (c Config) Validate() error {
	var errs []error
	switch {
	case c.URL != "":
		if cfg, err := ParseURL(string(c.URL)); err != nil {
			errs = append(errs, err)
		} else if cfg.DBName == "" {
			errs = append(errs, errors.New("DATABASE_URL names no database: end it with /name"))
		}
	case c.InstanceConnectionName != "":
		if c.User == "" {
			errs = append(errs, errors.New("DATABASE_USER must be set along with INSTANCE_CONNECTION_NAME"))
		}
		if c.Name == "" {
			errs = append(errs, errors.New("DATABASE_NAME must be set along with INSTANCE_CONNECTION_NAME"))
		}
	default:
		errs = append(errs, errors.New("no database is configured: set DATABASE_URL, or INSTANCE_CONNECTION_NAME with DATABASE_USER and DATABASE_NAME"))
	}
	if c.MaxOpenConns < 0 {
		errs = append(errs, fmt.Errorf("DATABASE_MAX_OPEN_CONNS is %d; it must not be negative", c.MaxOpenConns))
	}
	if c.ConnMaxLifetime < 0 {
		errs = append(errs, fmt.Errorf("DATABASE_CONN_MAX_LIFETIME is %s; it must not be negative", c.ConnMaxLifetime))
	}
	if c.ConnMaxIdleTime < 0 {
		errs = append(errs, fmt.Errorf("DATABASE_CONN_MAX_IDLE_TIME is %s; it must not be negative", c.ConnMaxIdleTime))
	}
	if c.StatementTimeout < 0 {
		errs = append(errs, fmt.Errorf("DATABASE_STATEMENT_TIMEOUT is %s; it must not be negative", c.StatementTimeout))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.MaxOpenConns == 0 {
		c.MaxOpenConns = defaultMaxOpenConns
	}
	if c.ConnMaxLifetime == 0 {
		c.ConnMaxLifetime = defaultConnMaxLifetime
	}
	if c.ConnMaxIdleTime == 0 {
		c.ConnMaxIdleTime = defaultConnMaxIdleTime
	}
	return c
}
