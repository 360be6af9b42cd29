package order

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// unpaidRetention is how long the sources of an order are stored, beyond the time after which an
// unpaid order is cancelled.
const unpaidRetention = time.Hour

// sources are where an order that must be paid comes from. Unpaid orders of each are limited: they
// hold stock, and cost an attacker nothing.
type sources struct {
	customer uuid.UUID // the account or, of a guest, the mailbox
	network  uuid.UUID // uuid.Nil if it is unknown or not a customer's
}

// newSources returns the sources of an order.
func newSources(ctx context.Context, o *Order) sources {
	return sources{customer: o.customer(), network: networkID(ctx)}
}

// ids returns the ids of the sources.
func (s sources) ids() []uuid.UUID {
	if s.network == uuid.Nil {
		return []uuid.UUID{s.customer}
	}
	return []uuid.UUID{s.customer, s.network}
}

// networkNamespace is that of the ids of networks (RFC 9562, section 6.6).
var networkNamespace = uuid.MustParse("0f1d2f4e-64a1-4c6e-8d7f-3c1f0f5d9a53")

// networkID returns an id of the network that a request comes from, as the limits of logins do. It
// is uuid.Nil for a client on the machine or in a private network: the load balancer adds the
// address of the customer.
func networkID(ctx context.Context) uuid.UUID {
	client := api.Client(ctx)
	if !client.IsValid() || client.IsLoopback() || client.IsPrivate() {
		return uuid.Nil
	}
	const custom = 8 // the version of ids by other hashes than SHA-1 (RFC 9562, section 5.8)
	return uuid.NewHash(sha256.New(), networkNamespace, []byte(api.ClientNetwork(client).String()), custom)
}

// unpaidOrders are the numbers of unpaid orders, by source.
type unpaidOrders map[uuid.UUID]int64

// lockUnpaidOrders counts the unpaid orders of the sources of new orders. It locks the sources
// until the transaction ends, so that concurrent transactions do not exceed the limits together.
// It does nothing if orders need no payment.
func (s *service) lockUnpaidOrders(ctx context.Context, tx *database.Tx, placements []*placement) (unpaidOrders, error) {
	if !bool(s.settings.Payments) || len(placements) == 0 {
		return nil, nil
	}
	set := map[uuid.UUID]bool{}
	for _, p := range placements {
		for _, id := range newSources(p.context, p.order).ids() {
			set[id] = true
		}
	}
	ids := database.SortedIDs(maps.Keys(set))
	if err := lockSources(ctx, tx, ids, s.Now()); err != nil {
		return nil, fmt.Errorf("lock %d sources of orders from %s: %w", len(ids), ids[0], err)
	}
	counts, err := countUnpaidOrders(ctx, tx, ids)
	if err != nil {
		return nil, fmt.Errorf("count unpaid orders of %d sources from %s: %w", len(ids), ids[0], err)
	}
	return counts, nil
}

// add adds a new order of a request. It returns a problem instead if the order must be paid and
// would exceed a limit.
func (u unpaidOrders) add(ctx context.Context, o *Order, limits settings) *api.Problem {
	if o.Payment != PaymentRequired {
		return nil
	}
	from := newSources(ctx, o)
	if count := u[from.customer]; count >= limits.MaxUnpaidOrders {
		return api.NewProblem(http.StatusConflict, codeTooManyUnpaid,
			"You have %d orders that are not paid, which is the limit for one customer. Pay or cancel one, or wait until one expires.", count)
	}
	if from.network != uuid.Nil {
		if u[from.network] >= limits.MaxUnpaidOrdersOfNetwork {
			return api.NewProblem(http.StatusConflict, codeTooManyUnpaid,
				"Too many orders from your network are not paid. Try again after some minutes.")
		}
		u[from.network]++
	}
	u[from.customer]++
	return nil
}

const codeTooManyUnpaid = "too_many_unpaid_orders"

// unpaidPage is how many sources of orders the sweep reads, and deletes in a transaction.
const unpaidPage = 500

// pruneUnpaidOrders deletes the sources of orders that are paid, have ended, or expired for certain.
// Each new order counts the rows of its sources: without the rows of settled orders, that number
// is bounded by the limits and by what a network orders between two sweeps.
func (s *service) pruneUnpaidOrders(ctx context.Context) error {
	if err := s.pruneSettledOrders(ctx); err != nil {
		return fmt.Errorf("prune sources of settled orders: %w", err)
	}
	before := s.Now().Add(-s.settings.PendingTimeout - s.settings.UnpaidTimeout - unpaidRetention)
	for _, statement := range []string{pruneUnpaidOrdersSQL, pruneSourcesSQL} {
		if err := database.Prune(ctx, s.DB, statement, before); err != nil {
			return fmt.Errorf("prune sources of unpaid orders: %w", err)
		}
	}
	return nil
}

// pruneSettledOrders deletes the sources of orders that are paid or have ended.
func (s *service) pruneSettledOrders(ctx context.Context) error {
	for after := (unpaidKey{}); ; {
		page, err := selectUnpaidOrders(ctx, s.DB, after, unpaidPage)
		if err != nil {
			return err
		}
		var settled []unpaidKey
		for _, row := range page {
			if row.status != Pending && row.status != AwaitingPayment {
				settled = append(settled, row.unpaidKey)
			}
		}
		if len(settled) > 0 {
			if err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return deleteUnpaidOrders(ctx, tx, settled) }); err != nil {
				return err
			}
		}
		if len(page) < unpaidPage {
			return nil
		}
		after = page[len(page)-1].unpaidKey
	}
}
