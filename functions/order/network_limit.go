package order

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// networkLimitWindow is the time in which a spent limit of a network is fully restored.
const networkLimitWindow = time.Hour

// guestCheckouts is the limit of checkouts that guests create from one network: each is a row, and a
// token with which an order can be placed.
func (s settings) guestCheckouts() api.RateLimit {
	return api.RateLimit{Name: "guest-checkout-network", Quota: s.MaxGuestCheckoutsOfNetwork, Window: networkLimitWindow}
}

// maxEnteredCodes is the maximum number of discount codes of a request.
const maxEnteredCodes = 10

// refusedCodes is the limit of discount codes that are refused to one network, so that codes cannot be
// guessed. Codes that apply do not count.
func (s settings) refusedCodes() api.RateLimit {
	return api.RateLimit{Name: "discount-code-network", Quota: s.MaxRefusedCodesOfNetwork, Window: networkLimitWindow}
}

// networksWithFewCodes returns those of the networks whose limit of refused codes must be locked before codes
// are evaluated: they have less than half of their attempts, or fewer than a request may have codes. The codes
// of other networks are evaluated first, so that requests with codes that apply do not wait for each other.
// While a network's limit is not locked, requests at once may exceed it by as many as are in progress.
func (s *service) networksWithFewCodes(ctx context.Context, tx *database.Tx, networks ...uuid.UUID) ([]uuid.UUID, error) {
	limit := s.settings.refusedCodes()
	return s.scarceNetworks(ctx, tx, limit, max(limit.Quota/2, maxEnteredCodes), networks...)
}

// networkLimit is the state of a limit for some networks, which are locked until the transaction ends. It is
// restored steadily, like the limits of attempts to sign in (GCRA, with one time as the state of
// a network). Networks without an id are not limited: see networkID.
type networkLimit struct {
	limit  api.RateLimit
	now    time.Time
	fullAt map[uuid.UUID]time.Time
	spent  map[uuid.UUID]bool
}

// lockNetworkLimit returns the state of a limit for networks.
func (s *service) lockNetworkLimit(ctx context.Context, tx *database.Tx, limit api.RateLimit, networks ...uuid.UUID) (*networkLimit, error) {
	l := &networkLimit{limit: limit, now: s.Now(), fullAt: map[uuid.UUID]time.Time{}, spent: map[uuid.UUID]bool{}}
	ids := limitedNetworks(networks)
	if len(ids) == 0 {
		return l, nil
	}
	if err := lockNetworkLimits(ctx, tx, l, ids); err != nil {
		return nil, fmt.Errorf("lock the limit %s of %d networks: %w", limit.Name, len(ids), err)
	}
	return l, nil
}

// scarceNetworks returns those of the networks that have fewer than a number of attempts, or not their full
// quota if the number is more. It locks nothing.
func (s *service) scarceNetworks(ctx context.Context, tx *database.Tx, limit api.RateLimit, attempts int, networks ...uuid.UUID) ([]uuid.UUID, error) {
	ids := limitedNetworks(networks)
	if len(ids) == 0 {
		return nil, nil
	}
	l := networkLimit{limit: limit}
	enough := s.Now().Add(limit.Window - time.Duration(min(attempts, limit.Quota))*l.step())
	scarce, err := selectScarceNetworks(ctx, tx, limit.Name, enough, ids)
	if err != nil {
		return nil, fmt.Errorf("read the limit %s of %d networks: %w", limit.Name, len(ids), err)
	}
	return scarce, nil
}

// limitedNetworks returns the different networks with an id, in the order of their ids.
func limitedNetworks(networks []uuid.UUID) []uuid.UUID {
	set := map[uuid.UUID]bool{}
	for _, id := range networks {
		if id != uuid.Nil {
			set[id] = true
		}
	}
	return database.SortedIDs(maps.Keys(set))
}

// isLocked reports whether the state of a network is locked, so that its attempts can be spent.
func (l *networkLimit) isLocked(network uuid.UUID) bool {
	_, isLocked := l.fullAt[network]
	return isLocked
}

// step is the time in which one attempt is restored.
func (l *networkLimit) step() time.Duration { return l.limit.Window / time.Duration(l.limit.Quota) }

// check returns a problem if a network has fewer than n attempts, or not its full quota if n is more.
func (l *networkLimit) check(ctx context.Context, network uuid.UUID, n int) *api.Problem {
	fullAt, limited := l.fullAt[network]
	if !limited || n == 0 {
		return nil
	}
	needed := time.Duration(min(n, l.limit.Quota)) * l.step()
	wait := fullAt.Add(needed).Sub(l.now.Add(l.limit.Window))
	if fullAt.Before(l.now) || wait <= 0 {
		return nil
	}
	slog.InfoContext(ctx, "too many requests from a network", "limit", l.limit.Name)
	return api.TooManyRequests(l.limit, 0, wait)
}

// spend spends n attempts of a network, at most all.
func (l *networkLimit) spend(network uuid.UUID, n int) {
	fullAt, limited := l.fullAt[network]
	if !limited || n == 0 {
		return
	}
	if fullAt.Before(l.now) {
		fullAt = l.now
	}
	fullAt = fullAt.Add(time.Duration(n) * l.step())
	if latest := l.now.Add(l.limit.Window); fullAt.After(latest) {
		fullAt = latest
	}
	l.fullAt[network], l.spent[network] = fullAt, true
}

// store stores the attempts that were spent.
func (l *networkLimit) store(ctx context.Context, tx *database.Tx) error {
	if len(l.spent) == 0 {
		return nil
	}
	if err := updateNetworkLimits(ctx, tx, l, database.SortedIDs(maps.Keys(l.spent))); err != nil {
		return fmt.Errorf("spend the limit %s of %d networks: %w", l.limit.Name, len(l.spent), err)
	}
	return nil
}

// spendGuestCheckout spends a checkout of the network of a guest. The error is a problem if it has none.
func (s *service) spendGuestCheckout(ctx context.Context, tx *database.Tx) error {
	network := networkID(ctx)
	limit, err := s.lockNetworkLimit(ctx, tx, s.settings.guestCheckouts(), network)
	if err != nil {
		return err
	}
	if problem := limit.check(ctx, network, 1); problem != nil {
		return problem
	}
	limit.spend(network, 1)
	return limit.store(ctx, tx)
}

// pruneNetworkLimits deletes limits that are fully restored.
func (s *service) pruneNetworkLimits(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneNetworkLimitsSQL, s.Now()); err != nil {
		return fmt.Errorf("prune limits of networks: %w", err)
	}
	return nil
}
