package user

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"souk/functions/user/commonpassword"
	"souk/shared/api"
)

// A new password needs 8 to 128 characters (code points, not bytes) and nothing
// else: no digits, no signs, no expiry. What it must not be is easily guessed.
// See https://pages.nist.gov/800-63-3/sp800-63b.html#memsecretver (5.1.1.2). The
// length is part of the input's schema; the guesses are passwordFault's.

// passwordFault says why a password is too easily guessed for an account, "" if
// it is not. It never quotes the password.
func passwordFault(password, email, name string) string {
	guess := strings.ToLower(normal(password))
	first := []rune(guess)[:min(1, len(guess))]
	switch local, _, _ := strings.Cut(emailKey(email), "@"); {
	case commonpassword.Is(guess):
		return "is one of the most common passwords"
	case strings.Trim(guess, string(first)) == "":
		return "is one character over and over"
	case guess == emailKey(email), guess == local, guess == strings.ToLower(strings.TrimSpace(name)):
		return "is your e-mail address or your name"
	}
	return ""
}

// hashing is OWASP's second choice for Argon2id, the first that leaves room for
// several at once in a small instance: 19 MiB, 2 passes, 1 lane.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
var hashing = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// nobodysHash is what a login to an account that is not there is checked
// against, so that it takes the time of one that is. No password is known for
// it: it would have to hash to zeros.
var nobodysHash = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", hashing.Memory, hashing.Iterations, hashing.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, hashing.SaltLength)),
	base64.RawStdEncoding.EncodeToString(make([]byte, hashing.KeyLength)))

// hasher hashes passwords, at once as many as half of the CPUs: each takes a whole
// one, and 19 MiB that are garbage afterwards, while other requests, and on one
// machine other functions, want to be answered. Some more may wait; a flood is
// turned away at once, before it piles up.
type hasher struct {
	slots chan struct{}
	// places are for who works and who waits.
	places chan struct{}
	wait   time.Duration
	// took is how long a hash takes: a moving average, in nanoseconds.
	took atomic.Int64
	// rest gives the memory back when nobody has come for restAfter.
	rest *time.Timer
}

// restAfter is how long a hasher keeps the memory of its last hash. Go would keep
// it for minutes, and an instance that idles be several times its size.
const restAfter = 5 * time.Second

// newHasher returns a hasher for whom no flood comes.
func newHasher() *hasher { return newBoundedHasher(64, time.Minute) }

func newBoundedHasher(queue int, wait time.Duration) *hasher {
	slots := max(1, runtime.GOMAXPROCS(0)/2)
	return &hasher{
		slots: make(chan struct{}, slots), places: make(chan struct{}, slots+queue), wait: wait,
		rest: time.AfterFunc(restAfter, debug.FreeOSMemory),
	}
}

// turn is a place in the line for the hasher.
type turn struct{ *hasher }

// Turn takes a place in the line, or answers 429 when it is too long. End it.
func (h *hasher) Turn() (turn, error) {
	select {
	case h.places <- struct{}{}:
		return turn{h}, nil
	default:
		return turn{}, h.busy()
	}
}

// End leaves the line.
func (t turn) End() { <-t.places }

// busy is the answer to whom the line is too long for.
func (h *hasher) busy() error {
	return api.TooManyRequests(api.RateLimit{Name: "passwords", Quota: cap(h.places), Window: h.wait.Round(time.Second)}, 0, time.Second)
}

// Hash returns the hash of a password with a salt of its own, in PHC format.
func (h *hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	turn, err := h.Turn()
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	defer turn.End()
	err = turn.inSlot(ctx, func() error {
		hash, err = argon2id.CreateHash(normal(password), &hashing)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check is a turn's Check, with a turn of its own.
func (h *hasher) Check(ctx context.Context, password, hash string) (same, outdated bool, err error) {
	turn, err := h.Turn()
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	defer turn.End()
	return turn.Check(ctx, password, hash)
}

// Check says whether the password is the hash's, and whether the hash was made
// with parameters other than today's.
func (t turn) Check(ctx context.Context, password, hash string) (same, outdated bool, err error) {
	err = t.inSlot(ctx, func() error {
		var made *argon2id.Params
		if same, made, err = argon2id.CheckHash(normal(password), hash); err == nil {
			outdated = *made != hashing
		}
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	return same, outdated, nil
}

func (t turn) inSlot(ctx context.Context, work func() error) error {
	patience := time.NewTimer(t.wait)
	defer patience.Stop()
	select {
	case t.slots <- struct{}{}:
	case <-patience.C:
		return t.busy()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		t.rest.Reset(restAfter)
		<-t.slots
	}()
	began := time.Now()
	err := work()
	t.measure(time.Since(began))
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

// Imitate takes the time of Check, and no CPU: what a refused try gets, so that it
// cannot be told by its time from a password that was checked.
func (t turn) Imitate(ctx context.Context) error {
	took := time.Duration(t.took.Load())
	if took == 0 { // nothing was measured yet
		_, _, err := t.Check(ctx, "", nobodysHash)
		return err
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("refuse a try: %w", ctx.Err())
	}
}

// normal makes one password of what looks the same but is typed differently by
// another keyboard, as NIST SP 800-63B, 5.1.1.2, asks.
func normal(password string) string { return norm.NFKC.String(password) }
