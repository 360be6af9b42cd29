package apikey

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mustLimit stores a key with a rate and returns its secret.
func (in *instances) mustLimit(rate int) Secret {
	in.t.Helper()
	secret := NewSecret(Live)
	c := newChanged(in.t, secret)
	c.RatePerMinute = rate
	in.mustStore(c)
	return secret
}

// accepted returns how many of n requests an instance accepts, and the error of the others.
func (in *instances) accepted(l *List, secret Secret, n int) (accepted int, refused *RateError) {
	in.t.Helper()
	for range n {
		_, err := l.Verify(in.t.Context(), secret.Reveal(), home)
		if err != nil && !errors.As(err, &refused) {
			in.t.Fatal(err)
		}
		if err == nil {
			accepted++
		}
	}
	return accepted, refused
}

func TestLimit(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 7, 10, 60, 999, MaxRate} {
		in := newInstances(t)
		secret, l := in.mustLimit(rate), in.open()
		sent := rate + 20
		if got, refused := in.accepted(l, secret, sent); got != rate || refused == nil || refused.Limit.Quota != rate || refused.Reset <= 0 || refused.Reset > rateWindow {
			t.Errorf("rate %d: %d of %d requests are accepted, the last error is %+v", rate, got, sent, refused)
		}
		// Requests are restored steadily, and those that are refused do not delay that.
		in.advance(rateWindow / time.Duration(rate))
		if got, _ := in.accepted(l, secret, 1); got != 1 {
			t.Errorf("rate %d: no request was restored in its time", rate)
		}
		in.advance(10 * time.Hour)
		if got, _ := in.accepted(l, secret, sent); got != rate {
			t.Errorf("rate %d: %d requests are accepted after a pause", rate, got)
		}
	}
}

// TestLimitOfInstances sends requests to several instances at once: together they accept the rate.
func TestLimitOfInstances(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	const rate, count = 50, 4
	secret := in.mustLimit(rate)
	var accepted atomic.Int64
	var all sync.WaitGroup
	for range count {
		l := in.open()
		for range 4 {
			all.Go(func() {
				n, _ := in.accepted(l, secret, rate)
				accepted.Add(int64(n))
			})
		}
	}
	all.Wait()
	if got := accepted.Load(); got != rate {
		t.Errorf("%d requests are accepted, want %d", got, rate)
	}
}

// TestStatements counts the statements that requests with a key cost.
func TestStatements(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	const rate = 1000
	secret, l := in.mustLimit(rate), in.open()
	in.writes.Store(0)
	if n, _ := in.accepted(l, secret, rate); n != rate {
		t.Errorf("%d requests are accepted, want %d", n, rate)
	}
	const perBlock = 3 // insert, update, commit
	if got := in.writes.Load(); got != perBlock*blocksPerWindow {
		t.Errorf("%d requests cost %d writing statements, want %d", rate, got, perBlock*blocksPerWindow)
	}
	in.writes.Store(0)
	if n, _ := in.accepted(l, secret, rate); n != 0 {
		t.Errorf("%d requests above the limit are accepted", n)
	}
	if got := in.writes.Load(); got > perBlock {
		t.Errorf("%d refused requests cost %d writing statements, want %d at most", rate, got, perBlock)
	}
}

// TestLimitsAreDropped requires that an instance holds nothing of a key that was revoked.
func TestLimitsAreDropped(t *testing.T) {
	t.Parallel()
	in := newInstances(t)
	l := in.open()
	for range 20 {
		secret := NewSecret(Live)
		c := newChanged(t, secret)
		in.mustStore(c)
		in.advance(MaxAge)
		in.require(l, secret, nil)
		in.mustStore(c.revoked())
		in.advance(MaxAge)
		in.require(l, secret, ErrUnknown)
	}
	if n := len(l.limits.blocks); n != 0 {
		t.Errorf("the limits of %d keys are left", n)
	}
}
