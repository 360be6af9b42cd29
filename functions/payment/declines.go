package payment

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/database"
)

// declinesWindow is the time in which the declined cards of a source are counted.
const declinesWindow = time.Hour

// sourceKind is what a source of payments is.
type sourceKind string

// The kinds of sources.
const (
	customerSource sourceKind = "customer" // an account, or the mailbox of a guest
	networkSource  sourceKind = "network"
)

// declines are the numbers of declined cards, by the kind of their source.
type declines map[sourceKind]int

// tooMany returns the kind of a source with too many declined cards, "" if there is none.
func (d declines) tooMany(limits Settings) sourceKind {
	switch {
	case d[customerSource] >= limits.MaxDeclinesPerCustomer:
		return customerSource
	case d[networkSource] >= limits.MaxDeclinesPerNetwork:
		return networkSource
	}
	return ""
}

// countDecline counts a callback about a declined card. After too many of them, the payment is
// voided, so that it is of no use for testing stolen cards: too many of the payment, or of all
// payments of its customer or its network. Callbacks about several payments of a source that arrive
// at the same time do not count each other.
func (s *service) countDecline(ctx context.Context, tx *database.Tx, a *account, c provider.Callback) error {
	if !isDecline(c) {
		return nil
	}
	a.declines++
	if !a.state.waitsForCustomer() {
		return nil
	}
	d, err := sumDeclines(ctx, tx, a.orderID, s.Now().Add(-declinesWindow))
	if err != nil {
		return fmt.Errorf("count declined cards for order %s: %w", a.orderID, err)
	}
	for kind := range d {
		d[kind]++ // this one is not stored yet
	}
	source := d.tooMany(s.settings)
	if source == "" && a.declines < s.settings.MaxDeclines {
		return nil
	}
	slog.WarnContext(ctx, "void a payment after many declined cards", "order", a.orderID, "declines", a.declines, "source", source)
	a.cancel(uuid.NewSHA1(a.orderID, []byte("declines")), tooManyDeclines, s.Now())
	return nil
}

// isDecline reports whether a callback is about a declined card. A callback without the payment
// has only its type, such as Stripe's payment_intent.payment_failed.
func isDecline(c provider.Callback) bool {
	if c.Payment.Version > 0 {
		return c.Payment.Failure != "" && (stateOf(c.Payment.State).waitsForCustomer() || c.Payment.State == provider.Declined)
	}
	return strings.HasSuffix(c.Type, "payment_failed")
}

// pruneSources deletes the sources of payments that are not counted any more.
func (s *service) pruneSources(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneSourcesSQL, s.Now().Add(-declinesWindow)); err != nil {
		return fmt.Errorf("prune sources of payments: %w", err)
	}
	return nil
}
