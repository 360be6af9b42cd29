package user

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// Guessing passwords is made slow, for an account that is there as for one that is
// not, and so that nobody can shut somebody else out:
//
//   - For one account from one network there are few tries. A right password makes
//     them all good again.
//   - For all accounts from one network there are more: people share networks. A
//     right password gives its own try back and no more, or guessing would be free
//     to whoever has an account.
//   - For one account from all networks together there is a bound to what a crowd of
//     them can guess.
//
// Every try spends all three. When one of the last two is used up, a network from
// which the account was signed in to with its present password may still enter the
// right password: neither strangers' guesses nor neighbours' lock its owner out. A
// wrong one gets the refusal that every other account gets, at the same cost to the
// limits. So no sequence of responses depends on whether an account exists, or is
// used from this network.
//
// Each limit is a bucket of tries that refills steadily (GCRA: one time says how
// full it is). A try is taken before the password is looked at, by one conditional
// statement, so that of guesses sent at once no more get through than of guesses
// sent one after another.

const (
	// maxNetworks is how many networks are remembered of an account.
	maxNetworks = 20
	// networkTTL is how long a network is remembered after the last login from it.
	networkTTL = 90 * 24 * time.Hour
)

// bucket is one limit of one account, network or pair of them.
type bucket struct {
	// key is a hash: addresses of people and machines stay out of the table.
	key   [sha256.Size]byte
	limit api.RateLimit
}

// step is the time in which one try comes back.
func (b bucket) step() time.Duration { return b.limit.Window / time.Duration(b.limit.Quota) }

// latest is the most that the bucket's full_at may be for another try at now.
func (b bucket) latest(now time.Time) time.Time { return now.Add(b.limit.Window - b.step()) }

// try is one look at a password that has been paid for.
type try struct {
	now     time.Time
	network networkKey
	// own is the pair's bucket, and shared are those of the others that were spent.
	own    bucket
	shared []bucket
	// familiar reports whether the account was signed in to from the network before.
	familiar bool
	// refusal is the response of a shared limit that is used up, nil if none is.
	refusal error
}

// networkKey is a network from which an account was signed in to, hashed.
type networkKey [sha256.Size]byte

// networkOf is the network that the request comes from, as it is kept for a user.
func networkOf(ctx context.Context, userID uuid.UUID) networkKey {
	return hashOf("network of", userID.String(), clientNetwork(ctx))
}

func clientNetwork(ctx context.Context) string { return api.ClientNetwork(api.Client(ctx)).String() }

// hashOf hashes parts, none of which but the last may hold a zero byte.
func hashOf(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range parts {
		_, _ = h.Write([]byte(part)) // never fails
		_, _ = h.Write([]byte{0})
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// checked is what came of looking at a password. There are credentials only if it
// was the right one.
type checked struct {
	credentials
	right bool
	// outdated says that its hash was made with older parameters.
	outdated bool
}

// checkPassword says whether a password is that of an account, by the key of its
// e-mail address, whether or not there is one. It answers 429, and has not looked,
// when there were too many tries. Whom the line is too long for costs no more than
// to say so: that comes before the database is asked for anything.
func (s *service) checkPassword(ctx context.Context, account, password string) (checked, error) {
	turn, err := s.passwords.Turn()
	if err != nil {
		return checked{}, err
	}
	defer turn.End()
	c, err := selectCredentials(ctx, s.DB, account)
	if errors.Is(err, sql.ErrNoRows) {
		c, err = credentials{PasswordHash: nobodysHash}, nil
	}
	if err != nil {
		return checked{}, fmt.Errorf("read the credentials: %w", err)
	}
	t, err := s.take(ctx, account, c)
	if err != nil {
		return checked{}, err
	}
	if t.refusal != nil && !t.familiar {
		if err := turn.Imitate(ctx); err != nil {
			return checked{}, err
		}
		return checked{}, t.refusal
	}
	same, outdated, err := turn.Check(ctx, password, c.PasswordHash)
	if err != nil { // the password was not checked
		return checked{}, errors.Join(err, s.giveBack(context.WithoutCancel(ctx), t))
	}
	if !same || c.UserID == uuid.Nil {
		return checked{}, t.refusal
	}
	return checked{credentials: c, right: true, outdated: outdated}, s.succeed(ctx, t, c)
}

// take spends a try. It responds 429 when the pair has none left; a shared limit that
// is used up is in the try.
func (s *service) take(ctx context.Context, account string, c credentials) (try, error) {
	t := try{now: s.Now(), network: networkOf(ctx, c.UserID), own: s.pair(ctx, account)}
	var err error
	if t.familiar, err = isFamiliar(ctx, s.DB, c, t.network); err != nil {
		return t, fmt.Errorf("read the familiar networks: %w", err)
	}
	shared := []bucket{
		{hashOf("network", clientNetwork(ctx)), s.login.perNetwork()},
		{hashOf("account", account), s.login.perAccount()},
	}
	var refused error // what the pair's limit responds
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		t.shared, t.refusal = nil, nil
		if refused, err = takeFrom(ctx, tx, t.own, t.now); refused != nil || err != nil {
			return err
		}
		for _, b := range shared {
			if t.refusal, err = takeFrom(ctx, tx, b, t.now); t.refusal != nil || err != nil {
				return err // a network over its own limit spends nothing of the account's
			}
			t.shared = append(t.shared, b)
		}
		return nil
	})
	return t, cmp.Or(err, refused)
}

// takeFrom spends a try of one limit. The refusal is the response if there is none
// left.
func takeFrom(ctx context.Context, tx *database.Tx, b bucket, now time.Time) (refusal, err error) {
	fullAt, taken, err := takeTry(ctx, tx, b, now)
	if err != nil {
		return nil, fmt.Errorf("spend a try of %s: %w", b.limit.Name, err)
	}
	if taken {
		return nil, nil
	}
	slog.InfoContext(ctx, "too many tries to sign in", "limit", b.limit.Name)
	return api.TooManyRequests(b.limit, 0, fullAt.Sub(b.latest(now))), nil
}

// pair is the limit of an account and the network that the request comes from.
func (s *service) pair(ctx context.Context, account string) bucket {
	return bucket{hashOf("pair", clientNetwork(ctx), account), s.login.perPair()}
}

// welcome lets somebody sign in who has just replaced the password that c counts
// by one that they chose, and proved in another way who they are.
func (s *service) welcome(ctx context.Context, tx *database.Tx, account string, c credentials) error {
	if err := refill(ctx, tx, s.pair(ctx, account)); err != nil {
		return fmt.Errorf("refill a limit: %w", err)
	}
	c.PasswordVersion++
	if err := rememberNetwork(ctx, tx, c, networkOf(ctx, c.UserID), s.Now()); err != nil {
		return fmt.Errorf("remember a network: %w", err)
	}
	return nil
}

// giveBack undoes take.
func (s *service) giveBack(ctx context.Context, t try) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		return giveBackTries(ctx, tx, append([]bucket{t.own}, t.shared...))
	})
}

// succeed makes good the tries that a right password has made harmless, and
// remembers the network.
func (s *service) succeed(ctx context.Context, t try, c credentials) error {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := refill(ctx, tx, t.own); err != nil {
			return err
		}
		if err := giveBackTries(ctx, tx, t.shared); err != nil {
			return err
		}
		return rememberNetwork(ctx, tx, c, t.network, t.now)
	})
	if err != nil {
		return fmt.Errorf("remember a right password: %w", err)
	}
	return nil
}

// sweep publishes what the outbox has left, and deletes what is needed no more.
func (s *service) sweep(ctx context.Context) error {
	return errors.Join(s.Outbox.Sweep(ctx), s.sweepLogins(ctx))
}

func (s *service) sweepLogins(ctx context.Context) error {
	limits := database.Prune(ctx, s.DB, deleteFullLimits, s.Now())
	if limits != nil {
		limits = fmt.Errorf("sweep the login limits: %w", limits)
	}
	networks := database.Prune(ctx, s.DB, deleteOldNetworks, s.Now().Add(-networkTTL))
	if networks != nil {
		networks = fmt.Errorf("sweep the login networks: %w", networks)
	}
	return errors.Join(limits, networks)
}
