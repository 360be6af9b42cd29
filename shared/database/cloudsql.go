package database

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync"

	"cloud.google.com/go/cloudsqlconn"
	cloudsqlmysql "cloud.google.com/go/cloudsqlconn/mysql/mysql"
	"github.com/go-sql-driver/mysql"
)

// cloudSQLConnector reaches a Cloud SQL instance through the connector library,
// which authorizes and encrypts; the login is the service account's by IAM, without
// a password, unless the settings have one.
func cloudSQLConnector(c Config) (driver.Connector, error) {
	password := c.Password.Reveal()
	dialer := &lazyDialer{privateIP: c.PrivateIP, iam: password == ""}
	cfg := withDriverSettings(mysql.NewConfig())
	cfg.User = c.User
	// Nobody reads it: the connector's certificate says who this is. But the
	// server asks for one, as in https://cloud.google.com/sql/docs/mysql/iam-logins.
	cfg.Passwd = cmp.Or(password, "unused")
	cfg.DBName = c.Name
	cfg.Net = "cloudsql"
	cfg.Addr = c.InstanceConnectionName
	cfg.DialFunc = func(ctx context.Context, _, instance string) (net.Conn, error) {
		return dialer.dial(ctx, instance)
	}
	c.bound(cfg)
	inner, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("set up Cloud SQL instance %s: %w", c.InstanceConnectionName, err)
	}
	return &connector{inner: inner, close: dialer.close}, nil
}

// lazyDialer makes the Cloud SQL dialer at the first connection: making it
// looks for credentials, which may ask the metadata server.
type lazyDialer struct {
	privateIP bool
	iam       bool // the login is by IAM

	mu     sync.Mutex
	dialer *cloudsqlconn.Dialer
	closed bool
}

func (l *lazyDialer) dial(ctx context.Context, instance string) (net.Conn, error) {
	dialer, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := dialer.Dial(ctx, instance)
	if err != nil {
		return nil, fmt.Errorf("dial Cloud SQL instance %s: %w", instance, err)
	}
	// As a pointer it gives the driver the raw connection, by which it sees that
	// the server has closed an idle connection before it sends a statement.
	return &cloudsqlmysql.LivenessCheckConn{Conn: conn}, nil
}

func (l *lazyDialer) get(ctx context.Context) (*cloudsqlconn.Dialer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("the Cloud SQL dialer is closed")
	}
	if l.dialer != nil {
		return l.dialer, nil
	}
	dial := []cloudsqlconn.DialOption{}
	if l.privateIP {
		dial = append(dial, cloudsqlconn.WithPrivateIP())
	}
	options := []cloudsqlconn.Option{
		// Cloud Run halts the CPU between requests, so certificates are renewed when
		// one is needed.
		cloudsqlconn.WithLazyRefresh(),
		cloudsqlconn.WithDefaultDialOptions(dial...),
	}
	if l.iam {
		options = append(options, cloudsqlconn.WithIAMAuthN())
	}
	// The dialer outlives the request that happens to need it first.
	dialer, err := cloudsqlconn.NewDialer(context.WithoutCancel(ctx), options...)
	if err != nil {
		return nil, fmt.Errorf("set up the Cloud SQL dialer: %w", err)
	}
	l.dialer = dialer
	return dialer, nil
}

func (l *lazyDialer) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.dialer == nil {
		return nil
	}
	return l.dialer.Close()
}
