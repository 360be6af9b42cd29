package user

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/clock"
	"souk/shared/database"
)

// Three limits slow down the guessing of passwords. They are the same whether or not an
// account exists, and an attacker cannot lock out the owner of an account:
//
//   - One account from one network has few attempts. A correct password resets this
//     limit.
//   - All accounts from one network have more attempts, because people share networks. A
//     correct password refunds only its own attempt. Otherwise an attacker with an account
//     could reset the limit at will.
//   - One account from all networks has a limit against distributed guessing.
//
// Every attempt spends all three limits. When one of the last two is spent, a network
// from which the account was signed in to with its current password may still send the
// correct password, so that guesses of others do not lock out the owner. A wrong password
// gets the same rejection as for any other account, at the same cost to the limits.
// Therefore no sequence of responses depends on whether an account exists or is used from
// this network.
//
// Each limit is a bucket of attempts that is restored steadily (GCRA, with one time as
// its state). An attempt is spent before the password is checked, by one conditional
// statement, so that concurrent guesses do not exceed the limit.

// loginLimiter limits the attempts to sign in by the three limits.
type loginLimiter struct {
	db       *database.DB
	now      clock.Clock
	settings loginSettings
}

const (
	// maxNetworks is the maximum number of familiar networks of an account.
	maxNetworks = 20
	// networkTTL is how long a network is familiar after the last login from it.
	networkTTL = 90 * 24 * time.Hour
)

// bucket is the state of a limit for an account, a network, or a pair of them.
type bucket struct {
	// key is a hash, so that the table contains neither e-mail nor IP addresses.
	key   [sha256.Size]byte
	limit api.RateLimit
}

// step is the time in which one attempt is restored.
func (b bucket) step() time.Duration { return b.limit.Window / time.Duration(b.limit.Quota) }

// latest returns the maximum of the bucket's full_at that allows an attempt at now.
func (b bucket) latest(now time.Time) time.Time { return now.Add(b.limit.Window - b.step()) }

// attempt is a check of a password for which the limits were spent.
type attempt struct {
	now     time.Time
	network networkKey
	// own is the bucket of the account and network, and shared are the other buckets that
	// were spent.
	own    bucket
	shared []bucket
	// familiar reports whether the account was signed in to from the network before.
	familiar bool
	// rejection is the problem of a shared limit that is spent, or nil.
	rejection error
}

// networkKey is the hash of a user and a network.
type networkKey [sha256.Size]byte

// networkKeyFor returns the key of the request's network for a user.
func networkKeyFor(ctx context.Context, userID uuid.UUID) networkKey {
	return hashParts("network of", userID.String(), clientNetwork(ctx))
}

func clientNetwork(ctx context.Context) string { return api.ClientNetwork(api.Client(ctx)).String() }

// hashParts returns the hash of parts. Only the last part may contain a zero byte.
func hashParts(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range parts {
		_, _ = h.Write([]byte(part)) // never returns an error
		_, _ = h.Write([]byte{0})
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// spend spends the three limits. It returns a problem if the limit of the account and
// network is spent. A shared limit that is spent is returned in the attempt.
func (l loginLimiter) spend(ctx context.Context, account string, c credentials) (attempt, error) {
	return l.spendBuckets(ctx, c, l.pair(ctx, account), bucket{hashParts("account", account), l.settings.perAccount()})
}

// spendSecondFactor is spend for codes of the second factor of an account whose password was
// correct. These limits are not those of passwords, which a correct password resets.
func (l loginLimiter) spendSecondFactor(ctx context.Context, c credentials) (attempt, error) {
	id := c.UserID.String()
	return l.spendBuckets(ctx, c, bucket{hashParts("second factor pair", clientNetwork(ctx), id), l.settings.perPair()},
		bucket{hashParts("second factor", id), l.settings.secondFactor()})
}

// spendBuckets spends the limit of an account and network, that of the network, and that of
// the account.
func (l loginLimiter) spendBuckets(ctx context.Context, c credentials, pair, account bucket) (attempt, error) {
	t := attempt{now: l.now(), network: networkKeyFor(ctx, c.UserID), own: pair}
	var err error
	if t.familiar, err = isFamiliar(ctx, l.db, c, t.network); err != nil {
		return t, fmt.Errorf("read familiar networks: %w", err)
	}
	shared := []bucket{{hashParts("network", clientNetwork(ctx)), l.settings.perNetwork()}, account}
	var rejection error // by the limit of the account and network
	err = l.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		t.shared, t.rejection = nil, nil
		if rejection, err = spendFrom(ctx, tx, t.own, t.now); rejection != nil || err != nil {
			return err
		}
		for _, b := range shared {
			if t.rejection, err = spendFrom(ctx, tx, b, t.now); t.rejection != nil || err != nil {
				return err // a network over its own limit does not spend the account's
			}
			t.shared = append(t.shared, b)
		}
		return nil
	})
	return t, cmp.Or(err, rejection)
}

// spendOfNetwork spends an attempt of a limit of the request's network, for operations without a
// password. It returns a problem if none is left. Clients on the machine and in private networks are not
// limited: the load balancer adds the address of others.
func (l loginLimiter) spendOfNetwork(ctx context.Context, limit api.RateLimit) error {
	client := api.Client(ctx)
	if !client.IsValid() || client.IsLoopback() || client.IsPrivate() {
		return nil
	}
	var rejection error
	err := l.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		rejection, err = spendFrom(ctx, tx, bucket{hashParts(limit.Name, clientNetwork(ctx)), limit}, l.now())
		return err
	})
	return cmp.Or(err, rejection)
}

// spendFrom spends an attempt of one limit. rejection is a problem if the limit has none
// left.
func spendFrom(ctx context.Context, tx *database.Tx, b bucket, now time.Time) (rejection, err error) {
	fullAt, spent, err := spendAttempt(ctx, tx, b, now)
	if err != nil {
		return nil, fmt.Errorf("spend an attempt of %s: %w", b.limit.Name, err)
	}
	if spent {
		return nil, nil
	}
	slog.InfoContext(ctx, "too many attempts to sign in", "limit", b.limit.Name)
	return api.TooManyRequests(b.limit, 0, fullAt.Sub(b.latest(now))), nil
}

// pair returns the bucket of an account and the request's network.
func (l loginLimiter) pair(ctx context.Context, account string) bucket {
	return bucket{hashParts("pair", clientNetwork(ctx), account), l.settings.perPair()}
}

// reset resets the limit of an account and the request's network after a
// password reset, and makes the network familiar for the new password. c are the
// credentials before the reset.
func (l loginLimiter) reset(ctx context.Context, tx *database.Tx, account string, c credentials) error {
	if err := resetBucket(ctx, tx, l.pair(ctx, account)); err != nil {
		return fmt.Errorf("reset login limit: %w", err)
	}
	c.PasswordVersion++
	if err := rememberNetwork(ctx, tx, c, networkKeyFor(ctx, c.UserID), l.now()); err != nil {
		return fmt.Errorf("remember network: %w", err)
	}
	return nil
}

// refund reverts spend.
func (l loginLimiter) refund(ctx context.Context, t attempt) error {
	return l.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		return refundAttempts(ctx, tx, append([]bucket{t.own}, t.shared...))
	})
}

// recordSuccess resets and refunds the limits after a correct password or code, and remembers
// the network if remember is set.
func (l loginLimiter) recordSuccess(ctx context.Context, t attempt, c credentials, remember bool) error {
	err := l.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := resetBucket(ctx, tx, t.own); err != nil {
			return err
		}
		if err := refundAttempts(ctx, tx, t.shared); err != nil || !remember {
			return err
		}
		return rememberNetwork(ctx, tx, c, t.network, t.now)
	})
	if err != nil {
		return fmt.Errorf("record a correct sign-in: %w", err)
	}
	return nil
}

// prune deletes login limits that are full, and networks that are no longer
// familiar.
func (l loginLimiter) prune(ctx context.Context) error {
	limits := database.Prune(ctx, l.db, pruneLimits, l.now())
	if limits != nil {
		limits = fmt.Errorf("delete login limits: %w", limits)
	}
	networks := database.Prune(ctx, l.db, pruneNetworks, l.now().Add(-networkTTL))
	if networks != nil {
		networks = fmt.Errorf("delete login networks: %w", networks)
	}
	return errors.Join(limits, networks)
}
