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

// cloudSQLConnector returns a connector to a Cloud SQL instance that uses the connector
// library, which authorizes and encrypts. The login is the service account's by IAM, unless
// the settings have a password.
func cloudSQLConnector(c Config) (driver.Connector, error) {
	return newCloudSQLConnector(c, &lazyDialer{privateIP: c.PrivateIP, iam: c.Password.Reveal() == "", starting: newStartingDialer()})
}

func newCloudSQLConnector(c Config, dialer *lazyDialer) (driver.Connector, error) {
	cfg := withDriverSettings(mysql.NewConfig())
	cfg.User = c.User
	// The connector's certificate authenticates the login, but the server requires a
	// password: https://cloud.google.com/sql/docs/mysql/iam-logins.
	cfg.Passwd = cmp.Or(c.Password.Reveal(), "unused")
	cfg.DBName = c.Name
	// Connect bounds certificate, dial and handshake in total.
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

// lazyDialer creates the Cloud SQL dialer at the first connection, because that looks up
// credentials, possibly at the metadata server.
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

// cloudSQLConn is a TLS connection that exposes its socket to the driver, which detects there
// that the server has closed an idle connection before it sends a statement. The connector's
// LivenessCheckConn requests the socket from the TLS connection, which has none, so that the
// driver would treat every idle connection as closed.
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
		// Cloud Run throttles the CPU between requests, so certificates are renewed when
		// one is needed.
		cloudsqlconn.WithLazyRefresh(),
		cloudsqlconn.WithDefaultDialOptions(dial...),
	}
	if l.iam {
		options = append(options, cloudsqlconn.WithIAMAuthN())
	}
	options = append(options, l.options...)
	// The dialer outlives the request that creates it.
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
