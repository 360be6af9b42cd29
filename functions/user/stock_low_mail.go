package user

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

// stockLow is the payload of stock-low.
type stockLow struct {
	ProductID  uuid.UUID `json:"productId"`
	SKU        string    `json:"sku"`
	Name       string    `json:"name"`
	Available  int64     `json:"available"`
	LowStockAt int64     `json:"lowStockAt"`
}

// stockLowMail notifies the shop that the stock of a product has become low. A shop without a
// mailbox for it is not notified.
func (s *service) stockLowMail(_ context.Context, _ *database.Tx, m *mailMessage[stockLow]) (outgoingMail, error) {
	return newStaffMail(s.mailboxes.Stock, stockLowTemplate, m.Payload), nil
}
