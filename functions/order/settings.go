package order

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

// settings are the environment variables that only this service has.
type settings struct {
	// PendingFor is how long an order may be pending. It is confirmed or rejected within
	// milliseconds, or after an outage. The default lets no order expire because of an
	// outage of one hour, after which the event is redelivered within the maximum backoff
	// of functions.yaml. After that it is cancelled, because it may have reserved stock.
	PendingFor time.Duration `env:"ORDER_PENDING_FOR" envDefault:"90m"`

	// MaxOpen is the maximum number of a customer's open orders (pending or confirmed),
	// and MaxPieces the maximum number of pieces of one product in them, so that one
	// customer cannot reserve all stock. The maximum quantity of an order line is the
	// default of MaxPieces.
	MaxOpen   int64 `env:"ORDER_MAX_OPEN" envDefault:"100"`
	MaxPieces int64 `env:"ORDER_MAX_PIECES" envDefault:"1000"`

	// SyntheticCustomer is the id of the test customer whose orders are placed to measure
	// the shop (souk synthetic-order). Their log entries are marked, so that they are in
	// no business figure.
	SyntheticCustomer uuid.UUID `env:"SYNTHETIC_CUSTOMER"`
}

// isSynthetic reports whether an order of that customer is no sale.
func (s settings) isSynthetic(customer uuid.UUID) bool {
	return s.SyntheticCustomer != uuid.Nil && customer == s.SyntheticCustomer
}

// minPendingFor leaves time for the redelivery of an event that was lost on its way: it
// is redelivered after the acknowledgement deadline (functions.yaml, 30 s).
const minPendingFor = time.Minute

// outage is the duration of an outage that must not cause an order to expire.
const outage = time.Hour

// warn logs a warning if orders may expire because of an outage. This is no error: a
// shop may choose it.
func (s settings) warn(delivery manifest.Delivery) {
	// The event may wait for the next sweep of an outbox (every minute), then for its
	// redelivery.
	if recovered := outage + time.Minute + delivery.MaxBackoff; s.PendingFor < recovered {
		slog.Warn("orders may expire because of an outage", "ORDER_PENDING_FOR", s.PendingFor.String(), "recommended", recovered.String())
	}
}

func (s settings) validate() error {
	var errs []error
	if s.PendingFor < minPendingFor {
		errs = append(errs, fmt.Errorf("ORDER_PENDING_FOR is %s, less than %s: orders would expire before a lost event is redelivered", s.PendingFor, minPendingFor))
	}
	if s.MaxOpen < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_OPEN is %d: must be at least 1", s.MaxOpen))
	}
	if s.MaxPieces < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_PIECES is %d: must be at least 1", s.MaxPieces))
	}
	return errors.Join(errs...)
}
