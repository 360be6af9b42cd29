package user

// The events about what is shipped.
const (
	shipmentCreated = "shipment-created"
	orderShipped    = "order-shipped"
)

// shipment is the part of a shipment in an event that mails have.
type shipment struct {
	Carrier        string         `json:"carrier"`
	TrackingNumber string         `json:"trackingNumber"`
	TrackingURL    string         `json:"trackingUrl"`
	Lines          []shipmentLine `json:"lines"`
	// Complete is whether everything is shipped with this shipment. The event order-shipped is then
	// published, too.
	Complete bool `json:"complete"`
}

type shipmentLine struct {
	Name     string `json:"name"`
	Quantity int64  `json:"quantity"`
}

// isMailedByOrderShipped reports whether an event needs no mail of its own: order-shipped, which is
// published with the last shipment, is mailed.
func isMailedByOrderShipped(eventType string, s *shipment) bool {
	return eventType == shipmentCreated && s != nil && s.Complete
}

// isClosedByRefund reports whether an order was shipped because what remained of it was refunded:
// nothing is on its way, and the credit note of the refund is mailed.
func isClosedByRefund(eventType, reason string) bool {
	return eventType == orderShipped && reason == "units_withdrawn"
}

// restNotice is the notice of an order whose last shipment follows others.
var restNotice = orderNotice{"The rest of your order is on its way", "the rest of your order has been shipped."}

// isRest reports whether an event is about the last shipment of an order that follows others.
func (o *orderEvent) isRest(eventType string) bool {
	if eventType != orderShipped || o.Shipment == nil {
		return false
	}
	var ordered, shipped int64
	for _, item := range o.Items {
		ordered += item.Quantity
	}
	for _, line := range o.Shipment.Lines {
		shipped += line.Quantity
	}
	return shipped < ordered
}

// items returns the units in a shipment without prices. There are none without a shipment.
func (s *shipment) items() []orderItem {
	if s == nil {
		return nil
	}
	return itemsWithoutPrices(s.Lines)
}

func itemsWithoutPrices(lines []shipmentLine) (items []orderItem) {
	for _, line := range lines {
		items = append(items, orderItem{Name: line.Name, Quantity: line.Quantity})
	}
	return items
}

// IsTracked reports whether the shipment has anything by which it can be followed. Templates call it.
func (s *shipment) IsTracked() bool {
	return s != nil && (s.Carrier != "" || s.TrackingNumber != "" || s.TrackingURL != "")
}
