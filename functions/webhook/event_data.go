package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/event"
	"souk/shared/money"
)

// payloadVersion is the version of the form of all payloads.
const payloadVersion = 1

// Payload is the body of a request to an endpoint. It contains no personal data: receivers read
// what they need, with their own rights, by the ids in Data.
type Payload[D any] struct {
	ID        uuid.UUID `json:"id" format:"uuid" doc:"The id of the event, as in the header webhook-id. It is the same whenever the event is sent."`
	Type      string    `json:"type" doc:"The type of the event."`
	Version   int       `json:"version" enum:"1" doc:"The version of the form of payloads. Members may be added to a version."`
	Timestamp time.Time `json:"timestamp" doc:"The time at which the event occurred."`
	Data      D         `json:"data"`
}

// source is what the payloads of the shop's events have of the data of webhooks. Each topic has some
// of the members.
type source struct {
	OrderID    uuid.UUID    `json:"orderId,omitzero"`
	Shipment   *sourcePart  `json:"shipment,omitzero"`
	ReturnID   uuid.UUID    `json:"returnId,omitzero"`
	Amount     *money.Money `json:"amount,omitzero"`
	Reason     string       `json:"reason,omitzero"`
	RefundID   uuid.UUID    `json:"refundId,omitzero"`
	Refunded   *money.Money `json:"refunded,omitzero"`
	Outcome    string       `json:"outcome,omitzero"`
	InvoiceID  uuid.UUID    `json:"invoiceId,omitzero"`
	Kind       string       `json:"kind,omitzero"`
	Number     string       `json:"number,omitzero"`
	ProductID  uuid.UUID    `json:"productId,omitzero"`
	Available  int64        `json:"available,omitzero"`
	LowStockAt int64        `json:"lowStockAt,omitzero"`
	Version    int64        `json:"version,omitzero"`
	Status     string       `json:"status,omitzero"`
}

type sourcePart struct {
	ShipmentID uuid.UUID `json:"shipmentId"`
}

// OrderData is the data of events about an order.
type OrderData struct {
	OrderID uuid.UUID `json:"orderId" format:"uuid" doc:"The order."`
}

func orderData(s source) any { return OrderData{s.OrderID} }

// ShipmentData is the data of events about a shipment.
type ShipmentData struct {
	OrderID    uuid.UUID `json:"orderId" format:"uuid" doc:"The order."`
	ShipmentID uuid.UUID `json:"shipmentId" format:"uuid" doc:"The shipment, one of the order's."`
}

func shipmentData(s source) any {
	data := ShipmentData{OrderID: s.OrderID}
	if s.Shipment != nil {
		data.ShipmentID = s.Shipment.ShipmentID
	}
	return data
}

// ReturnData is the data of events about a return.
type ReturnData struct {
	OrderID  uuid.UUID `json:"orderId" format:"uuid" doc:"The order."`
	ReturnID uuid.UUID `json:"returnId" format:"uuid" doc:"The return, one of the order's."`
}

func returnData(s source) any { return ReturnData{s.OrderID, s.ReturnID} }

// PaymentData is the data of events about a payment.
type PaymentData struct {
	OrderID uuid.UUID   `json:"orderId" format:"uuid" doc:"The order that is paid."`
	Amount  money.Money `json:"amount" doc:"The amount of the event."`
}

func paymentData(s source) any { return PaymentData{s.OrderID, amountOf(s.Amount)} }

// FailureData is the data of payment.failed.
type FailureData struct {
	PaymentData

	Reason string `json:"reason" doc:"Why the order will not be paid: declined, expired or voided." example:"expired"`
}

func failureData(s source) any {
	return FailureData{PaymentData{s.OrderID, amountOf(s.Amount)}, s.Reason}
}

// RefundData is the data of payment.refunded.
type RefundData struct {
	PaymentData

	RefundID uuid.UUID   `json:"refundId" format:"uuid" doc:"The refund."`
	Refunded money.Money `json:"refunded" doc:"The sum of this refund and all before it."`
}

func refundData(s source) any {
	return RefundData{PaymentData{s.OrderID, amountOf(s.Amount)}, s.RefundID, amountOf(s.Refunded)}
}

// DisputeData is the data of payment.disputed.
type DisputeData struct {
	PaymentData

	Outcome string `json:"outcome" doc:"opened, won or lost." example:"opened"`
}

func disputeData(s source) any {
	return DisputeData{PaymentData{s.OrderID, amountOf(s.Amount)}, s.Outcome}
}

// InvoiceData is the data of invoice.issued.
type InvoiceData struct {
	OrderID   uuid.UUID `json:"orderId" format:"uuid" doc:"The order."`
	InvoiceID uuid.UUID `json:"invoiceId" format:"uuid" doc:"The document."`
	Kind      string    `json:"kind" doc:"invoice or credit_note." example:"invoice"`
	Number    string    `json:"number" doc:"The number of the document." example:"2026-000017"`
}

func invoiceData(s source) any { return InvoiceData{s.OrderID, s.InvoiceID, s.Kind, s.Number} }

// ProductData is the data of product.changed.
type ProductData struct {
	ProductID uuid.UUID `json:"productId" format:"uuid" doc:"The product."`
	Version   int64     `json:"version" doc:"The version of the product after the change." example:"3"`
	Status    string    `json:"status" doc:"active or archived." example:"active"`
}

func productData(s source) any { return ProductData{s.ProductID, s.Version, s.Status} }

// StockData is the data of stock.low.
type StockData struct {
	ProductID  uuid.UUID `json:"productId" format:"uuid" doc:"The product."`
	Available  int64     `json:"available" doc:"The units that were available after the change." example:"4"`
	LowStockAt int64     `json:"lowStockAt" doc:"The threshold of the product: its stock is low at this many units and below." example:"5"`
}

func stockData(s source) any { return StockData{s.ProductID, s.Available, s.LowStockAt} }

func amountOf(m *money.Money) money.Money {
	if m == nil {
		return money.Money{}
	}
	return *m
}

// TestData is the data of webhook.test.
type TestData struct {
	WebhookID uuid.UUID `json:"webhookId" format:"uuid" doc:"The endpoint."`
}

// newPayload returns the body of the requests about an event.
func newPayload(id uuid.UUID, name EventType, at time.Time, data any) ([]byte, error) {
	text, err := json.Marshal(Payload[any]{ID: id, Type: string(name), Version: payloadVersion, Timestamp: at.UTC(), Data: data})
	if err != nil {
		return nil, fmt.Errorf("encode the payload of %s %s: %w", name, id, err)
	}
	return text, nil
}

// publicPayload returns the body of the requests about an event of the shop.
func publicPayload(e event.Event, s source) ([]byte, error) {
	t := typesByTopic[e.Type]
	return newPayload(e.ID, t.name, e.Time, t.data(s))
}
