// Package idempotency lets a client retry a request, with the same Idempotency-Key,
// until it has a response: the request takes effect once, and every attempt gets the
// first response (draft-ietf-httpapi-idempotency-key-header).
//
// The claim of the key, the effect and the response are one transaction. An attempt
// that fails leaves no rows, and one that commits leaves its response: there is no
// intermediate state. The inserted and uncommitted row is the claim: a second attempt
// finds it locked and is refused without waiting.
package idempotency

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/shared/clock"
	"souk/shared/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations create the table of keys. Every service's database has it.
var Migrations = database.Migrations{Name: "idempotency", FS: files}

const (
	// retention is how long a response is replayed.
	retention = 24 * time.Hour
	// MaxPerCaller is how many keys of one caller are stored. A caller with more keys
	// is refused until the oldest expire: if one were deleted early, a retried request
	// could take effect twice.
	MaxPerCaller = 10_000
	// countEvery is the average number of claims between two counts of the caller's
	// keys. Counts are random, so that no caller can choose keys that are not counted.
	// The keys of a caller that was refused are counted each time.
	countEvery = 16
	// attemptTimeout bounds an attempt, including its commit. With the longest wait
	// after the commit (api.MaxWait) it is below the gateway's 60 s.
	attemptTimeout = 20 * time.Second
	// maxAcquire bounds the wait for a connection. It is longer than a wait for a row lock
	// (5 s), during which all connections may be in use.
	maxAcquire = 8 * time.Second
	// maxInsert bounds the wait for a concurrent insert of the same key that the
	// locking read before it did not see.
	maxInsert = 800 * time.Millisecond
	// claimTries bounds how often a claim is repeated because the row has changed.
	claimTries = 3
)

var (
	errReused   = errors.New("the key was used with another payload")
	errInFlight = errors.New("another attempt is in flight")
	// errContended is the error of claiming several keys of which one is in use. Claimed one
	// by one, the others succeed.
	errContended = errors.New("one of several keys is in use")
	errTooMany   = errors.New("the caller has too many keys")
)

// Keys are the idempotency keys of a service's clients.
type Keys struct {
	db  *database.DB
	now clock.Clock
	// full contains the callers (uuid.UUID) that had too many keys when they were last counted.
	full sync.Map
	// running contains the scopes (hash) of the attempts of Request.Begin in this process.
	running sync.Map
}

// NewKeys returns new Keys that are stored in db.
func NewKeys(db *database.DB, now clock.Clock) *Keys { return &Keys{db: db, now: now} }

// Prune deletes the expired keys.
func (k *Keys) Prune(ctx context.Context) error {
	if err := database.Prune(ctx, k.db, pruneKeys, k.now()); err != nil {
		return fmt.Errorf("prune the idempotency keys: %w", err)
	}
	return nil
}

// checkLimit returns errTooMany for a caller that has more than MaxPerCaller keys.
func (k *Keys) checkLimit(ctx context.Context, tx *database.Tx, caller uuid.UUID) error {
	_, full := k.full.Load(caller)
	if !full && rand.N(countEvery) != 0 {
		return nil
	}
	n, err := countKeys(ctx, tx, caller, k.now())
	if err != nil {
		return err
	}
	if n > MaxPerCaller {
		k.full.Store(caller, true)
		return errTooMany
	}
	k.full.Delete(caller)
	return nil
}
