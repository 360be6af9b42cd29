package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// The events whose notices differ from those of a return that was received or rejected.
const (
	returnCreated   = "return-created" // by a customer or the shop
	returnCancelled = "return-cancelled"
)

// cancelledByShop is the party of a return-cancelled that is mailed: customers know what they have
// cancelled.
const cancelledByShop = "shop"

// returnEvent is the part of the events about returns that return-mail reads.
type returnEvent struct {
	OrderID uuid.UUID      `json:"orderId"`
	Number  string         `json:"number"` // "" in events of older versions
	UserID  uuid.UUID      `json:"userId"`
	Lines   []shipmentLine `json:"lines"`
	Refund  bool           `json:"refund"`
	// Payment is paymentRequired for an order that was paid.
	Payment string `json:"payment"`
	// Email is that of an order that was placed without an account. Its user is the checkout.
	Email string `json:"email"`
	// CancelledBy is the party that cancelled a return. It is "" in events of older versions.
	CancelledBy string `json:"cancelledBy"`
}

// The notices about returns.
var (
	announcedNotice = orderNotice{"Your return is registered", "your return is registered. Please send us these units. You will receive another mail when they have arrived."}
	receivedNotice  = orderNotice{"Your return has arrived", "the units that you returned have arrived."}
	refundedNotice  = orderNotice{"Your return has arrived", "the units that you returned have arrived. You get your money back for them."}
	cancelledNotice = orderNotice{"Your return is cancelled", "we have cancelled your return. Please do not send us these units. If you have sent them already, or if this is unexpected, please contact us."}
	rejectedNotice  = orderNotice{"Your return is closed", "we have closed your return without accepting any units. Please contact us if this is unexpected."}
)

// isMailed reports whether an event of a type is mailed.
func (r *returnEvent) isMailed(eventType string) bool {
	return eventType != returnCancelled || r.CancelledBy == cancelledByShop
}

// notice returns the notice of an event of a type.
func (r *returnEvent) notice(eventType string) *orderNotice {
	switch {
	case eventType == returnCreated:
		return &announcedNotice
	case eventType == returnCancelled:
		return &cancelledNotice
	case len(r.Lines) == 0:
		return &rejectedNotice
	case r.Refund && r.Payment == paymentRequired:
		return &refundedNotice
	}
	return &receivedNotice
}

// returnMail prepares the mails that notify customers of their returns.
func (s *service) returnMail(ctx context.Context, tx *database.Tx, messages []*mailMessage[returnEvent]) error {
	ids := make([]uuid.UUID, len(messages))
	for i, m := range messages {
		ids[i] = m.Payload.UserID
	}
	owners, err := selectUsersByID(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("read %d users from %s: %w", len(ids), ids[0], err)
	}
	for _, m := range messages {
		r := &m.Payload
		if !r.isMailed(m.Event.Type) {
			continue
		}
		o := orderEvent{OrderID: r.OrderID, Number: r.Number, UserID: r.UserID, Email: r.Email, Items: itemsWithoutPrices(r.Lines), notice: r.notice(m.Event.Type)}
		m.Mail, err = s.newOrderMail(m.Event, o, owners, func() (outgoingMail, error) { return s.newGuestNotice(m.Event, o) })
		if err != nil {
			return err
		}
	}
	return nil
}
