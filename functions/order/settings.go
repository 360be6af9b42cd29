package order

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"souk/shared/manifest"
)

// settings are the environment variables that only this service has.
type settings struct {
	// PendingFor is how long an order may stay pending. Deciding takes
	// milliseconds, and as long as an outage when there is one: no order expires
	// because of one of an hour, after which the event is delivered again within
	// the longest backoff of functions.yaml. What takes longer is better cancelled
	// than left open, for it may hold stock.
	PendingFor time.Duration `env:"ORDER_PENDING_FOR" envDefault:"90m"`

	// MaxOpen is how many orders a customer may have that are neither shipped nor
	// ended, and MaxPieces how many pieces of one product may be in them: nobody
	// is to hold the stock that others want. A single order line may have as many
	// pieces as MaxPieces is by default.
	MaxOpen   int64 `env:"ORDER_MAX_OPEN" envDefault:"100"`
	MaxPieces int64 `env:"ORDER_MAX_PIECES" envDefault:"1000"`
}

// minPendingFor leaves time for an event that was lost on its way to be delivered
// once more, which is after the acknowledgement deadline (functions.yaml, 30 s).
const minPendingFor = time.Minute

// outage is how long an outage may take without any order expiring because of it.
const outage = time.Hour

// warn logs when orders may expire because of an outage: a shop may want that, or try
// it out.
func (s settings) warn(delivery manifest.Delivery) {
	// The event may wait for the sweep of an outbox, every minute, and then for a delivery.
	if recovered := outage + time.Minute + delivery.MaxBackoff; s.PendingFor < recovered {
		slog.Warn("orders may expire because of an outage", "ORDER_PENDING_FOR", s.PendingFor.String(), "safeFrom", recovered.String())
	}
}

func (s settings) validate() error {
	var faults []error
	if s.PendingFor < minPendingFor {
		faults = append(faults, fmt.Errorf("ORDER_PENDING_FOR is %s, less than %s: orders would be cancelled before an event that was lost is delivered again", s.PendingFor, minPendingFor))
	}
	if s.MaxOpen < 1 {
		faults = append(faults, fmt.Errorf("ORDER_MAX_OPEN is %d: nobody could order", s.MaxOpen))
	}
	if s.MaxPieces < 1 {
		faults = append(faults, fmt.Errorf("ORDER_MAX_PIECES is %d: nobody could order", s.MaxPieces))
	}
	return errors.Join(faults...)
}
