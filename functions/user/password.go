package user

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"

	"souk/functions/user/commonpassword"
	"souk/functions/user/passwordhash"
	"souk/shared/api"
)

// A new password must have 8 to 128 characters (code points, not bytes) and must not be
// easily guessed. There are no rules for digits or punctuation, and no expiry. See NIST SP
// 800-63B, 5.1.1.2: https://pages.nist.gov/800-63-3/sp800-63b.html#memsecretver. The
// length is part of the input's schema; validateNewPassword checks for guesses.

// validateNewPassword returns an error message if a password is easily guessed for an
// account, or "". The message never quotes the password.
func validateNewPassword(password, email, name string) string {
	guess := strings.ToLower(normalize(password))
	first := []rune(guess)[:min(1, len(guess))]
	switch local, _, _ := strings.Cut(emailKey(email), "@"); {
	case commonpassword.Is(guess):
		return "is one of the most common passwords: choose another one"
	case strings.Trim(guess, string(first)) == "":
		return "repeats one character: choose another password"
	case guess == emailKey(email), guess == local, guess == strings.ToLower(strings.TrimSpace(name)):
		return "is your e-mail address or your name: choose another password"
	}
	return ""
}

// hasher hashes passwords on at most half of the CPUs at a time. Each hash occupies one
// CPU and allocates 19 MiB, and other requests (on one machine also other functions)
// must be served meanwhile. A bounded number of requests may wait; all others are
// rejected at once.
type hasher struct {
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

// newHasher returns a new hasher for a caller that does not have many requests.
func newHasher() *hasher { return newBoundedHasher(64, time.Minute) }

// newBoundedHasher returns a new hasher for which at most queue requests wait at a time,
// each for at most the given time.
func newBoundedHasher(queue int, wait time.Duration) *hasher {
	slots := max(1, runtime.GOMAXPROCS(0)/2)
	return &hasher{
		slots: make(chan struct{}, slots), places: make(chan struct{}, slots+queue), wait: wait,
		freeMemory: time.AfterFunc(freeMemoryAfter, debug.FreeOSMemory),
	}
}

// turn is a place in the hasher's queue.
type turn struct{ *hasher }

// Turn returns a place in the queue, or a problem with status 429 if the queue is full.
// The caller must call End.
func (h *hasher) Turn() (turn, error) {
	select {
	case h.places <- struct{}{}:
		return turn{h}, nil
	default:
		return turn{}, h.busy()
	}
}

// End leaves the queue.
func (t turn) End() { <-t.places }

// busy returns the problem of a full queue.
func (h *hasher) busy() error {
	return api.TooManyRequests(api.RateLimit{Name: "passwords", Quota: cap(h.places), Window: h.wait.Round(time.Second)}, 0, time.Second)
}

// Hash returns the hash of a password with a new salt, in PHC format.
func (h *hasher) Hash(ctx context.Context, password string) (hash string, err error) {
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

// Check is turn.Check with a new turn.
func (h *hasher) Check(ctx context.Context, password, hash string) (same, outdated bool, err error) {
	turn, err := h.Turn()
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	defer turn.End()
	return turn.Check(ctx, password, hash)
}

// Check reports whether a password matches a hash, and whether the hash has other
// parameters than new ones.
func (t turn) Check(ctx context.Context, password, hash string) (same, outdated bool, err error) {
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
func (t turn) inSlot(ctx context.Context, work func() error) error {
	timeout := time.NewTimer(t.wait)
	defer timeout.Stop()
	select {
	case t.slots <- struct{}{}:
	case <-timeout.C:
		return t.busy()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		t.freeMemory.Reset(freeMemoryAfter)
		<-t.slots
	}()
	start := time.Now()
	err := work()
	t.measure(time.Since(start))
	return err
}

// measure adds a duration to the moving average.
func (h *hasher) measure(took time.Duration) {
	const weight = 8
	average := h.took.Load()
	if average == 0 {
		average = int64(took)
	}
	h.took.Store(average + (int64(took)-average)/weight)
}

// Imitate waits as long as Check takes, without using the CPU. It is called for a
// rejected attempt, so that its duration does not reveal that no password was checked.
func (t turn) Imitate(ctx context.Context) error {
	took := time.Duration(t.took.Load())
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
