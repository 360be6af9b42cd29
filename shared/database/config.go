// Package database opens the one database of a service and runs its transactions.
//
// SQL stands in each service's store.go; this package knows how to reach the
// server, how a session is set up, and when a transaction may be tried again.
package database

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"souk/shared/config"
)

// Pool defaults. Cloud Run starts many instances, and each has a pool of its
// own: the server's max_connections must hold instances × MaxOpenConns. Eight
// keep two CPUs busy with statements that take a millisecond or so; more would
// only move the queue from the pool into the server, where row locks are held.
const (
	defaultMaxOpenConns    = 8
	defaultConnMaxLifetime = 30 * time.Minute
	defaultConnMaxIdleTime = 5 * time.Minute
)

// Config says which database to use and how large the pool may grow. It is
// filled from the environment through its env tags; a zero pool setting means
// its default.
//
// Either URL is set, or InstanceConnectionName with User and Name.
type Config struct {
	// URL is mysql://user:password@host:3306/database or a DSN as
	// go-sql-driver/mysql takes it. It wins over the Cloud SQL settings.
	URL URL `env:"DATABASE_URL"`

	// InstanceConnectionName is a Cloud SQL instance, project:region:name. It is
	// reached through the Cloud SQL connector, logged in by IAM.
	InstanceConnectionName string `env:"INSTANCE_CONNECTION_NAME"`
	// User is the IAM database user: for MySQL the service account's address up
	// to the @, see https://cloud.google.com/sql/docs/mysql/iam-logins.
	User string `env:"DATABASE_USER"`
	// Password makes User a login of the server's own, instead of one by IAM. It is
	// for whoever makes the others' logins good for something: the migrations.
	Password config.Secret `env:"DATABASE_PASSWORD"`
	// Name is the database to use on the Cloud SQL instance.
	Name string `env:"DATABASE_NAME"`
	// PrivateIP dials the Cloud SQL instance at its private address.
	PrivateIP bool `env:"DATABASE_PRIVATE_IP"`

	// ReplicaURL is a read replica of the server of URL, and ReplicaInstance one of the
	// instance: see Reads. The login and the database are the same.
	ReplicaURL      URL    `env:"DATABASE_REPLICA_URL"`
	ReplicaInstance string `env:"DATABASE_REPLICA_INSTANCE"`

	// MaxOpenConns bounds the pool; as many may stay idle, since a pool that
	// closes what a burst opened pays the handshake again with the next burst.
	MaxOpenConns int `env:"DATABASE_MAX_OPEN_CONNS"`
	// ConnMaxLifetime is how long a connection may be used; each process adds up
	// to a fifth at random, so that instances started together do not reconnect
	// together.
	ConnMaxLifetime time.Duration `env:"DATABASE_CONN_MAX_LIFETIME"`
	// ConnMaxIdleTime gives a quiet instance's connections back to the server.
	ConnMaxIdleTime time.Duration `env:"DATABASE_CONN_MAX_IDLE_TIME"`

	// StatementTimeout bounds every statement, COMMIT and ROLLBACK included, and the
	// wait for a connection before it: a server that accepts and never responds must
	// not hold requests. What config.Load fills has the default; 0 is no bound, for
	// migrations and audits, whose statements may take minutes.
	StatementTimeout time.Duration `env:"DATABASE_STATEMENT_TIMEOUT" envDefault:"10s"`

	// TracerProvider makes a span of every statement. With nil, no tracing code
	// stands between a statement and the driver.
	TracerProvider trace.TracerProvider `env:"-"`
}

// Validate reports every fault of c at once, none of them with a password in it.
func (c Config) Validate() error {
	var faults []error
	switch {
	case c.URL != "":
		if cfg, err := ParseURL(string(c.URL)); err != nil {
			faults = append(faults, err)
		} else if cfg.DBName == "" {
			faults = append(faults, errors.New("DATABASE_URL names no database: end it with /name"))
		}
	case c.InstanceConnectionName != "":
		if c.User == "" {
			faults = append(faults, errors.New("DATABASE_USER must be set along with INSTANCE_CONNECTION_NAME"))
		}
		if c.Name == "" {
			faults = append(faults, errors.New("DATABASE_NAME must be set along with INSTANCE_CONNECTION_NAME"))
		}
	default:
		faults = append(faults, errors.New("no database is configured: set DATABASE_URL, or INSTANCE_CONNECTION_NAME with DATABASE_USER and DATABASE_NAME"))
	}
	if c.MaxOpenConns < 0 {
		faults = append(faults, fmt.Errorf("DATABASE_MAX_OPEN_CONNS is %d; it must not be negative", c.MaxOpenConns))
	}
	if c.ConnMaxLifetime < 0 {
		faults = append(faults, fmt.Errorf("DATABASE_CONN_MAX_LIFETIME is %s; it must not be negative", c.ConnMaxLifetime))
	}
	if c.ConnMaxIdleTime < 0 {
		faults = append(faults, fmt.Errorf("DATABASE_CONN_MAX_IDLE_TIME is %s; it must not be negative", c.ConnMaxIdleTime))
	}
	if c.StatementTimeout < 0 {
		faults = append(faults, fmt.Errorf("DATABASE_STATEMENT_TIMEOUT is %s; it must not be negative", c.StatementTimeout))
	}
	return errors.Join(faults...)
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
