// Package password hashes passwords with bounded resources, checks them, and has the rules
// for new ones.
package password

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"

	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/api"
)

// Hasher hashes passwords in a bounded number of slots. Each hash occupies one CPU and
// allocates 19 MiB, and other requests (on one machine also other functions) must be served
// meanwhile. A bounded number of requests may wait; all others are rejected at once.
type Hasher struct {
	slots chan struct{} // running hashes
	// places are for running and waiting requests.
	places chan struct{}
	wait   time.Duration // the maximum wait for a slot
	// took is a moving average of the duration of a hash, in nanoseconds.
	took atomic.Int64
	// freeMemory returns memory to the system freeMemoryAfter the last hash.
	freeMemory *time.Timer
}

// freeMemoryAfter is the time after which the memory of the last hash is returned to
// the system. The Go runtime would retain it for minutes, several times the memory of an
// idle instance.
const freeMemoryAfter = 5 * time.Second

// DefaultSlots returns half of the number of CPUs, or 1.
func DefaultSlots() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// NewHasher returns a new Hasher with a number of slots, for which at most queue requests
// wait at a time, each for at most the given time.
func NewHasher(slots, queue int, wait time.Duration) *Hasher {
	return &Hasher{
		slots: make(chan struct{}, slots), places: make(chan struct{}, slots+queue), wait: wait,
		freeMemory: time.AfterFunc(freeMemoryAfter, debug.FreeOSMemory),
	}
}

// Turn is a place in the queue of a Hasher.
type Turn struct{ hasher *Hasher }

// Turn returns a place in the queue, or a problem with status 429 if the queue is full.
// The caller must call End.
func (h *Hasher) Turn() (Turn, error) {
	select {
	case h.places <- struct{}{}:
		return Turn{h}, nil
	default:
		return Turn{}, h.busy()
	}
}

// End leaves the queue.
func (t Turn) End() { <-t.hasher.places }

// busy returns the problem of a full queue.
func (h *Hasher) busy() error {
	return api.TooManyRequests(api.RateLimit{Name: "passwords", Quota: cap(h.places), Window: h.wait.Round(time.Second)}, 0, time.Second)
}

// Hash returns the hash of a password with a new salt, in PHC format.
func (h *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	turn, err := h.Turn()
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	defer turn.End()
	err = turn.inSlot(ctx, func() error {
		hash, err = passwordhash.Create(normalize(password))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check is Turn.Check with a new turn.
func (h *Hasher) Check(ctx context.Context, password, hash string) (same, outdated bool, err error) {
	turn, err := h.Turn()
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	defer turn.End()
	return turn.Check(ctx, password, hash)
}

// Check reports whether a password matches a hash, and whether the hash has other
// parameters than new ones.
func (t Turn) Check(ctx context.Context, password, hash string) (same, outdated bool, err error) {
	err = t.inSlot(ctx, func() error {
		same, outdated, err = passwordhash.Check(normalize(password), hash)
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	return same, outdated, nil
}

// inSlot calls work when a slot is free.
func (t Turn) inSlot(ctx context.Context, work func() error) error {
	timeout := time.NewTimer(t.hasher.wait)
	defer timeout.Stop()
	select {
	case t.hasher.slots <- struct{}{}:
	case <-timeout.C:
		return t.hasher.busy()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		t.hasher.freeMemory.Reset(freeMemoryAfter)
		<-t.hasher.slots
	}()
	start := time.Now()
	err := atLowPriority(work)
	t.hasher.measure(time.Since(start))
	return err
}

// measure adds a duration to the moving average.
func (h *Hasher) measure(took time.Duration) {
	const weight = 8
	average := h.took.Load()
	if average == 0 {
		average = int64(took)
	}
	h.took.Store(average + (int64(took)-average)/weight)
}

// Imitate waits as long as Check takes, without using the CPU. It is called for a
// rejected attempt, so that its duration does not reveal that no password was checked.
func (t Turn) Imitate(ctx context.Context) error {
	took := time.Duration(t.hasher.took.Load())
	if took == 0 { // not measured yet
		_, _, err := t.Check(ctx, "", passwordhash.Placeholder())
		return err
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("reject an attempt: %w", ctx.Err())
	}
}

// normalize returns the NFKC form of a password, so that it is the same on all keyboards
// (NIST SP 800-63B, 5.1.1.2).
func normalize(password string) string { return norm.NFKC.String(password) }
