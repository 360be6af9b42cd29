package database

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/googleapis/gax-go/v2"
)

const (
	// startingAttempt bounds one attempt to connect before the first connection. The kernel
	// repeats a SYN after 1 s, 3 s and 7 s: a new attempt uses a new route sooner.
	startingAttempt = 2 * time.Second
	// startingPause separates two attempts that failed at once.
	startingPause = 100 * time.Millisecond
)

// startingDialer retries while the network is not available yet. The egress of a new Cloud
// Run instance into the VPC may take a minute to become available, during which packets are
// lost or have no route
// (https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#limitations). It dials
// until the context ends, which is the deadline of the request or of the statement.
//
// A connection that the server refuses is an error at once, and so is every failure after the
// first connection, because the network is available then.
type startingDialer struct {
	dialer    func(ctx context.Context, network, address string) (net.Conn, error)
	attempt   time.Duration
	connected atomic.Bool
}

func newStartingDialer() *startingDialer {
	return &startingDialer{dialer: new(net.Dialer).DialContext, attempt: startingAttempt}
}

func (d *startingDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		conn, err := d.try(ctx, network, address)
		if err == nil {
			d.connected.Store(true)
			return conn, nil
		}
		if d.connected.Load() || ctx.Err() != nil || !isNetworkMissing(err) || gax.Sleep(ctx, startingPause) != nil {
			return nil, err
		}
	}
}

func (d *startingDialer) try(ctx context.Context, network, address string) (net.Conn, error) {
	if !d.connected.Load() {
		attempt, cancel := context.WithTimeout(ctx, d.attempt)
		defer cancel()
		ctx = attempt
	}
	return d.dialer(ctx, network, address)
}

// isNetworkMissing reports whether a dial failed because the server cannot be reached.
func isNetworkMissing(err error) bool {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return true
	}
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH)
}
