package database

import (
	"context"
	"net"
	"runtime"
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

// MaxBatchKeys is exported for tests.
const MaxBatchKeys = maxBatchKeys

// Len returns the number of keys that are being read.
func (r *SharedReader[K, V]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.readers)
}

// SetMaxCarrierWait sets how long a Coalescer's batches wait for a shared transaction.
func SetMaxCarrierWait[T any](c *Coalescer[T], d time.Duration) { c.maxWait = d }

// WaitPending waits until a Coalescer has a pending batch.
func WaitPending[T any](c *Coalescer[T]) {
	for {
		c.mu.Lock()
		pending := c.pending
		c.mu.Unlock()
		if pending != nil {
			return
		}
		runtime.Gosched()
	}
}
