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

// refusedCodes is the limit of discount codes that are refused to one network, so that codes cannot be
// guessed. Codes that apply do not count.
func (s settings) refusedCodes() api.RateLimit {
	return api.RateLimit{Name: "discount-code-network", Quota: s.MaxRefusedCodesOfNetwork, Window: networkLimitWindow}
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
	set := map[uuid.UUID]bool{}
	for _, id := range networks {
		if id != uuid.Nil {
			set[id] = true
		}
	}
	if len(set) == 0 {
		return l, nil
	}
	if err := lockNetworkLimits(ctx, tx, l, database.SortedIDs(maps.Keys(set))); err != nil {
		return nil, fmt.Errorf("lock the limit %s of %d networks: %w", limit.Name, len(set), err)
	}
	return l, nil
}

// step is the time in which one attempt is restored.
func (l *networkLimit) step() time.Duration { return l.limit.Window / time.Duration(l.limit.Quota) }

// check returns a problem if a network has less than n attempts left, or less than all of them if n is more.
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

// spendGuestCheckout spends a checkout of the network of a guest. The error is a problem if none is left.
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
