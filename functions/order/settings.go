package order

import (
	"errors"
	"fmt"
	"time"
)

// settings are the environment variables that only this service has.
type settings struct {
	// PendingFor is how long an order may stay pending. Deciding takes
	// milliseconds, and a retry of Pub/Sub minutes when a function is down: what
	// takes longer is better cancelled than left open, for it may hold stock.
	PendingFor time.Duration `env:"ORDER_PENDING_FOR" envDefault:"15m"`

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
