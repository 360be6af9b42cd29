package webhook

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// EventType is the type of an event as receivers know it. Its name and the members of its data do
// not change: what must change gets a type of its own.
type EventType string

// allTypes subscribes an endpoint to every type, also to those that do not exist yet.
const allTypes EventType = "*"

// typeTest is the type of the events that webhook-test sends. No endpoint subscribes to it.
const typeTest EventType = "webhook.test"

// publicType is a type of events that endpoints can subscribe to.
type publicType struct {
	name EventType
	// topic is that of the events inside the shop.
	topic string
	// summary describes the event in openapi.yaml.
	summary string
	// data returns the data of an event. Its type defines the schema.
	data func(source) any
}

// publicTypes lists all types, in the order in which they are documented.
var publicTypes = []publicType{
	{"order.placed", "order-placed", "An order was placed", orderData},
	{"order.confirmed", "order-confirmed", "An order was confirmed", orderData},
	{"order.rejected", "order-rejected", "An order was rejected", orderData},
	{"order.cancelled", "order-cancelled", "An order was cancelled", orderData},
	{"order.shipped", "order-shipped", "All of an order was shipped", orderData},
	{"order.delivered", "order-delivered", "An order was delivered", orderData},
	{"shipment.created", "shipment-created", "A part of an order was shipped", shipmentData},
	{"return.created", "return-created", "A return was created", returnData},
	{"return.received", "return-received", "Units of a return were received", returnData},
	{"return.rejected", "return-rejected", "A return was rejected", returnData},
	{"return.cancelled", "return-cancelled", "A return was cancelled", returnData},
	{"payment.authorized", "payment-authorized", "A payment was authorized", paymentData},
	{"payment.captured", "payment-captured", "A payment was captured", paymentData},
	{"payment.failed", "payment-failed", "A payment failed", failureData},
	{"payment.refunded", "payment-refunded", "A payment was refunded", refundData},
	{"payment.disputed", "payment-disputed", "A payment was disputed", disputeData},
	{"invoice.issued", "invoice-issued", "An invoice or a credit note was issued", invoiceData},
	{"product.changed", "product-changed", "A product was created, changed or archived", productData},
	{"stock.low", "stock-low", "The stock of a product became low", stockData},
}

// typesByTopic has the types by the topics of their events.
var typesByTopic = func() map[string]publicType {
	byTopic := map[string]publicType{}
	for _, t := range publicTypes {
		byTopic[t.topic] = t
	}
	return byTopic
}()

// Schema implements huma.SchemaProvider with the list of types.
func (EventType) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString, Enum: []any{string(allTypes)}}
	for _, t := range publicTypes {
		schema.Enum = append(schema.Enum, string(t.name))
	}
	schema.PrecomputeMessages()
	return schema
}

// subscribes reports whether a list of types contains a type, or all.
func subscribes(types []EventType, t EventType) bool {
	return slices.Contains(types, allTypes) || slices.Contains(types, t)
}
