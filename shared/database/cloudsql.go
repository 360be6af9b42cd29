package database

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"cloud.google.com/go/cloudsqlconn"
	"github.com/go-sql-driver/mysql"
)

// cloudSQLConnector reaches a Cloud SQL instance through the connector library,
// which authorizes and encrypts; the login is the service account's by IAM, without
// a password, unless the settings have one.
func cloudSQLConnector(c Config) (driver.Connector, error) {
	return newCloudSQLConnector(c, &lazyDialer{privateIP: c.PrivateIP, iam: c.Password.Reveal() == "", starting: newStartingDialer()})
}

func newCloudSQLConnector(c Config, dialer *lazyDialer) (driver.Connector, error) {
	cfg := withDriverSettings(mysql.NewConfig())
	cfg.User = c.User
	// Nobody reads it: the connector's certificate says who this is. But the
	// server asks for one, as in https://cloud.google.com/sql/docs/mysql/iam-logins.
	cfg.Passwd = cmp.Or(c.Password.Reveal(), "unused")
	cfg.DBName = c.Name
	// Certificate, dial and handshake together: Connect bounds them.
	cfg.Timeout = connectTimeout
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
	starting  *startingDialer
	options   []cloudsqlconn.Option // for tests

	mu     sync.Mutex
	dialer *cloudsqlconn.Dialer
	closed bool
}

func (l *lazyDialer) dial(ctx context.Context, instance string) (net.Conn, error) {
	dialer, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	var raw net.Conn
	conn, err := dialer.Dial(ctx, instance, cloudsqlconn.WithOneOffDialFunc(
		func(ctx context.Context, network, address string) (_ net.Conn, err error) {
			raw, err = l.starting.dial(ctx, network, address)
			return raw, err
		}))
	if err != nil {
		return nil, fmt.Errorf("dial Cloud SQL instance %s: %w", instance, err)
	}
	if socket, ok := raw.(syscall.Conn); ok {
		return &cloudSQLConn{Conn: conn, socket: socket}, nil
	}
	return conn, nil
}

// cloudSQLConn is a connection through TLS that gives the driver the socket below it:
// there the driver sees that the server has closed an idle connection, before it sends a
// statement. The connector's own LivenessCheckConn asks the TLS connection for a socket,
// which has none, so that the driver would take every idle connection for a closed one.
type cloudSQLConn struct {
	net.Conn
	socket syscall.Conn
}

// SyscallConn returns the socket.
func (c *cloudSQLConn) SyscallConn() (syscall.RawConn, error) { return c.socket.SyscallConn() }

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
	options = append(options, l.options...)
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
