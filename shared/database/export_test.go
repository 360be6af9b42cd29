package database

import (
	"context"
	"net"
	"time"

	"cloud.google.com/go/cloudsqlconn"
)

// DialFunc dials like net.Dialer.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// OpenCloudSQL opens a Cloud SQL instance whose API and address are a test's.
func OpenCloudSQL(c Config, dial DialFunc, options ...cloudsqlconn.Option) (*DB, error) {
	connector, err := newCloudSQLConnector(c, &lazyDialer{
		starting: &startingDialer{dialer: dial, attempt: startingAttempt}, options: options,
	})
	if err != nil {
		return nil, err
	}
	c = c.withDefaults()
	return &DB{pool: openPool(connector, c), timeout: c.StatementTimeout}, nil
}

// NewStartingDialer returns the dial function of a new instance.
func NewStartingDialer(dial DialFunc, attempt time.Duration) DialFunc {
	return (&startingDialer{dialer: dial, attempt: attempt}).dial
}

// ProofLogin returns the login that ProveRights creates and drops.
var ProofLogin = proofLogin

// StatementText is statementText.
var StatementText = statementText
