package order

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

// settings are the environment variables that only this service uses.
type settings struct {
	// PendingTimeout is how long an order may be pending before order-expire cancels it and
	// releases its stock. Orders are usually confirmed or rejected within milliseconds, but
	// an outage can delay the events of an order. The default is so long that no order
	// expires because of an outage of one hour: after an outage, Pub/Sub redelivers an
	// event within the maximum backoff in functions.yaml.
	PendingTimeout time.Duration `env:"ORDER_PENDING_FOR" envDefault:"90m"`

	// MaxOpenOrders is the maximum number of open orders (pending or confirmed) of a
	// customer. MaxUnitsPerProduct is the maximum number of units of one product in these
	// orders. The limits prevent one customer from reserving all stock. The default of
	// MaxUnitsPerProduct equals the maximum quantity of one item of an order. Its variable
	// has an older name for units, which deployments use.
	MaxOpenOrders      int64 `env:"ORDER_MAX_OPEN" envDefault:"100"`
	MaxUnitsPerProduct int64 `env:"ORDER_MAX_PIECES" envDefault:"1000"`

	// SyntheticCustomer is the id of the test account that `souk synthetic-order` uses to
	// monitor the shop, or uuid.Nil if there is none. The log entries of its orders have
	// the attribute synthetic, so that business metrics can exclude them.
	SyntheticCustomer uuid.UUID `env:"SYNTHETIC_CUSTOMER"`
}

// isSynthetic reports whether a customer is the test account for synthetic orders.
func (s settings) isSynthetic(customer uuid.UUID) bool {
	return s.SyntheticCustomer != uuid.Nil && customer == s.SyntheticCustomer
}

// minPendingTimeout is the minimum of PendingTimeout. It is longer than the acknowledgement
// deadline (functions.yaml, 30 s), after which Pub/Sub redelivers an event that was not
// acknowledged.
const minPendingTimeout = time.Minute

// toleratedOutage is the longest outage of Pub/Sub or of a service after which, with the
// default PendingTimeout, no order expires.
const toleratedOutage = time.Hour

// warnIfOutageExpiresOrders logs a warning if orders may expire because of an outage of
// toleratedOutage. A shorter PendingTimeout is not an error, because a shop may prefer it.
func (s settings) warnIfOutageExpiresOrders(delivery manifest.Delivery) {
	// After the outage, an event may have to wait for the next sweep of an outbox (at most
	// one minute) and for its redelivery (at most the maximum backoff).
	if minTimeoutForOutage := toleratedOutage + time.Minute + delivery.MaxBackoff; s.PendingTimeout < minTimeoutForOutage {
		slog.Warn("orders may expire because of an outage", "ORDER_PENDING_FOR", s.PendingTimeout.String(), "recommended", minTimeoutForOutage.String())
	}
}

func (s settings) validate() error {
	var errs []error
	if s.PendingTimeout < minPendingTimeout {
		errs = append(errs, fmt.Errorf("ORDER_PENDING_FOR is %s, less than %s: orders would expire before an unacknowledged event is redelivered", s.PendingTimeout, minPendingTimeout))
	}
	if s.MaxOpenOrders < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_OPEN is %d: must be at least 1", s.MaxOpenOrders))
	}
	if s.MaxUnitsPerProduct < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_PIECES is %d: must be at least 1", s.MaxUnitsPerProduct))
	}
	return errors.Join(errs...)
}
