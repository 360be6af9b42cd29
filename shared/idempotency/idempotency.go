// Package idempotency lets a client send a request again, with the same
// Idempotency-Key, until it has an answer: the request takes effect once, and
// every send gets the first answer (draft-ietf-httpapi-idempotency-key-header).
//
// A request first claims its key. The claim is a lease: an attempt that was
// killed holds its key for a minute, no longer. The transaction of the effect
// marks the key in the same commit, and only while the claim still holds. So an
// attempt that was believed dead and is not can change nothing any more once
// another has begun, and no other begins once one took effect.
package idempotency

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/clock"
	"souk/shared/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations make the table of keys. Every service's database has it.
var Migrations = database.Migrations{Name: "idempotency", FS: files}

const (
	// keptFor is how long an answer is replayed.
	keptFor = 24 * time.Hour
	// lease is how long a key is an attempt's own. It is as long as the gateway
	// waits for an answer.
	lease = time.Minute
	// attemptTime is how long an attempt may take: it ends while its lease holds.
	attemptTime = lease - 5*time.Second
	// claimTime is how long a claim may take, which counts towards its lease.
	claimTime = 4 * time.Second
	// settleTime is how long an attempt may take to note how it ended. In a crowd it
	// waits for a connection, and its answer is worth to wait for.
	settleTime = 10 * time.Second
	// claimTries bounds how often a claim looks again at a row that changed while
	// it looked.
	claimTries = 5
)

// What may be in the way of an attempt.
var (
	errReused     = errors.New("the key was used with another payload")
	errInFlight   = errors.New("another attempt is in flight")
	errAnswerLost = errors.New("an attempt took effect, and its answer is lost")
	errSuperseded = errors.New("another attempt has begun since")
)

// Keys are the idempotency keys of a service's clients.
type Keys struct {
	db  *database.DB
	now clock.Clock
}

// NewKeys returns the keys in db.
func NewKeys(db *database.DB, now clock.Clock) *Keys { return &Keys{db: db, now: now} }

// hash is a SHA-256.
type hash [32]byte

// answer is what a request was answered with.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// row is what is known of a key.
type row struct {
	scope, payload hash
	caller, claim  uuid.UUID
	leaseUntil     time.Time
	effected       bool
	answer         *answer // nil: not known, or not yet
	expiresAt      time.Time
}

// attempt is one try at a request.
type attempt struct {
	keys  *Keys
	scope hash
	claim uuid.UUID
}

// claim begins an attempt, or returns the answer of an earlier one.
func (k *Keys) claim(ctx context.Context, caller uuid.UUID, scope, payload hash) (*attempt, *answer, error) {
	claim, err := uuid.NewV7()
	if err != nil {
		return nil, nil, fmt.Errorf("make a claim: %w", err)
	}
	for range claimTries {
		now := k.now()
		mine := row{scope: scope, caller: caller, payload: payload, claim: claim, leaseUntil: now.Add(lease), expiresAt: now.Add(keptFor)}
		claimed, first, err := k.tryClaim(ctx, mine, now)
		switch {
		case err != nil || first != nil:
			return nil, first, err
		case claimed:
			return &attempt{keys: k, scope: scope, claim: claim}, nil, nil
		}
	}
	return nil, nil, errInFlight
}

// tryClaim returns neither a claim nor an answer when the row changed while it
// looked.
func (k *Keys) tryClaim(ctx context.Context, mine row, now time.Time) (claimed bool, first *answer, err error) {
	if claimed, err = insertRow(ctx, k.db, mine); claimed || err != nil {
		return claimed, nil, err
	}
	there, found, err := selectRow(ctx, k.db, mine.scope)
	if err != nil || !found {
		return false, nil, err
	}
	if first, err = there.verdict(mine.payload, now); first != nil || err != nil {
		return false, first, err
	}
	claimed, err = takeRow(ctx, k.db, there, mine, now)
	return claimed, nil, err
}

// verdict says what becomes of a request whose key has a row: the answer of the
// first one, an error, or neither when a new attempt may begin.
func (r row) verdict(payload hash, now time.Time) (*answer, error) {
	switch {
	case !now.Before(r.expiresAt):
		return nil, nil //nolint:nilnil // a key that is out of date is a new one
	case payload != r.payload:
		return nil, errReused
	case r.answer != nil:
		return r.answer, nil
	case now.Before(r.leaseUntil):
		return nil, errInFlight
	case r.effected:
		return nil, errAnswerLost
	default:
		return nil, nil //nolint:nilnil // its attempt died before it changed anything
	}
}

// guard is part of every transaction of the attempt, and so of its effect.
func (a *attempt) guard(ctx context.Context, tx *database.Tx) error {
	mine, err := markEffected(ctx, tx, a.scope, a.claim, a.keys.now())
	if err != nil {
		return err
	}
	if !mine {
		return refusal(ctx, errInFlight)
	}
	return nil
}

// keep notes the answer, to be replayed from now on.
func (a *attempt) keep(ctx context.Context, answered answer) error {
	mine, err := updateAnswer(ctx, a.keys.db, a.scope, a.claim, answered, a.keys.now().Add(keptFor))
	if err == nil && !mine {
		err = errSuperseded
	}
	return err
}

// giveUp ends an attempt whose answer is not kept: the key is free again, unless
// the attempt had an effect.
func (a *attempt) giveUp(ctx context.Context) error {
	return deleteOrEnd(ctx, a.keys.db, a.scope, a.claim, a.keys.now())
}

// Sweep deletes the keys that are out of date.
func (k *Keys) Sweep(ctx context.Context) error {
	if err := database.Prune(ctx, k.db, deleteExpired, k.now()); err != nil {
		return fmt.Errorf("sweep the idempotency keys: %w", err)
	}
	return nil
}
