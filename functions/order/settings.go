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

	// Payments reports whether new orders must be paid. Orders that exist store whether they
	// must be: see Payment.
	Payments onOff `env:"PAYMENTS" envDefault:"off"`

	// UnpaidTimeout is how long an order may wait for its payment before order-expire cancels
	// it and releases its stock.
	UnpaidTimeout time.Duration `env:"ORDER_UNPAID_FOR" envDefault:"15m"`

	// MaxOpenOrders is the maximum number of open orders (not yet shipped) of a customer.
	// MaxUnitsPerProduct is the maximum number of units of one product in these orders. The
	// limits prevent one customer from reserving all stock. The default of
	// MaxUnitsPerProduct equals the maximum quantity of one item of an order. Its variable
	// has an older name for units, which deployments use.
	MaxOpenOrders      int64 `env:"ORDER_MAX_OPEN" envDefault:"100"`
	MaxUnitsPerProduct int64 `env:"ORDER_MAX_PIECES" envDefault:"1000"`

	// MaxUnpaidOrders is the maximum number of unpaid orders of an account or of a guest's e-mail
	// address, MaxUnpaidOrdersOfNetwork that of the network of a client. They hold stock until
	// they expire, so that an attacker could otherwise reserve all of it for nothing.
	MaxUnpaidOrders          int64 `env:"ORDER_MAX_UNPAID" envDefault:"20"`
	MaxUnpaidOrdersOfNetwork int64 `env:"ORDER_MAX_UNPAID_OF_NETWORK" envDefault:"100"`

	// MaxGuestCheckoutsOfNetwork is the maximum number of checkouts that guests create from one
	// network within an hour, MaxRefusedCodesOfNetwork that of discount codes that are refused to it.
	MaxGuestCheckoutsOfNetwork int `env:"CHECKOUT_MAX_OF_NETWORK" envDefault:"60"`
	MaxRefusedCodesOfNetwork   int `env:"DISCOUNT_MAX_REFUSED_OF_NETWORK" envDefault:"20"`

	// CheckoutTTL is how long a checkout exists, and the token of a guest's is valid.
	CheckoutTTL time.Duration `env:"CHECKOUT_FOR" envDefault:"24h"`

	// GuestRetention is how long after an order of a guest its personal data is stored. The payment
	// service has the same setting.
	GuestRetention time.Duration `env:"GUEST_RETENTION" envDefault:"26280h"`

	// ReturnPeriod is for how long after their shipment customers can return units. With 0 they
	// cannot; staff always can.
	ReturnPeriod time.Duration `env:"ORDER_RETURN_FOR" envDefault:"720h"`

	// SyntheticCustomer is the id of the test account that `souk synthetic-order` uses to
	// monitor the shop, or uuid.Nil if there is none. The log entries of its orders have
	// the attribute synthetic, so that business metrics can exclude them.
	SyntheticCustomer uuid.UUID `env:"SYNTHETIC_CUSTOMER"`
}

// onOff is a setting that is on or off.
type onOff bool

// UnmarshalText reads on or off and refuses any other value.
func (o *onOff) UnmarshalText(text []byte) error {
	switch string(text) {
	case "on":
		*o = true
	case "off":
		*o = false
	default:
		return errors.New("neither on nor off")
	}
	return nil
}

// isSynthetic reports whether a customer is the test account for synthetic orders.
func (s settings) isSynthetic(customer uuid.UUID) bool {
	return s.SyntheticCustomer != uuid.Nil && customer == s.SyntheticCustomer
}

// minPendingTimeout is the minimum of PendingTimeout and UnpaidTimeout. It is longer than the acknowledgement
// deadline (functions.yaml, 30 s), after which Pub/Sub redelivers an event that was not
// acknowledged.
const minPendingTimeout = time.Minute

// minCheckoutTTL is the minimum of CheckoutTTL, in which a customer can enter an address.
const minCheckoutTTL = time.Minute

// minGuestRetention is the minimum of GuestRetention: longer than the tokens in mails to guests are
// valid, which is 90 days.
const minGuestRetention = 100 * 24 * time.Hour

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
	if s.UnpaidTimeout < minPendingTimeout {
		errs = append(errs, fmt.Errorf("ORDER_UNPAID_FOR is %s, less than %s: orders would expire before an unacknowledged event is redelivered", s.UnpaidTimeout, minPendingTimeout))
	}
	if s.ReturnPeriod < 0 {
		errs = append(errs, fmt.Errorf("ORDER_RETURN_FOR is %s: must be 0 or more", s.ReturnPeriod))
	}
	if s.CheckoutTTL < minCheckoutTTL {
		errs = append(errs, fmt.Errorf("CHECKOUT_FOR is %s: must be at least %s", s.CheckoutTTL, minCheckoutTTL))
	}
	if s.GuestRetention < minGuestRetention {
		errs = append(errs, fmt.Errorf("GUEST_RETENTION is %s: must be at least %s", s.GuestRetention, minGuestRetention))
	}
	if s.MaxUnpaidOrders < 1 || s.MaxUnpaidOrdersOfNetwork < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_UNPAID is %d and ORDER_MAX_UNPAID_OF_NETWORK %d: must be at least 1", s.MaxUnpaidOrders, s.MaxUnpaidOrdersOfNetwork))
	}
	if s.MaxGuestCheckoutsOfNetwork < 1 || s.MaxRefusedCodesOfNetwork < 1 {
		errs = append(errs, fmt.Errorf("CHECKOUT_MAX_OF_NETWORK is %d and DISCOUNT_MAX_REFUSED_OF_NETWORK %d: must be at least 1", s.MaxGuestCheckoutsOfNetwork, s.MaxRefusedCodesOfNetwork))
	}
	if s.MaxOpenOrders < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_OPEN is %d: must be at least 1", s.MaxOpenOrders))
	}
	if s.MaxUnitsPerProduct < 1 {
		errs = append(errs, fmt.Errorf("ORDER_MAX_PIECES is %d: must be at least 1", s.MaxUnitsPerProduct))
	}
	return errors.Join(errs...)
}
