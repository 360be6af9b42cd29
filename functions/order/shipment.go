package order

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// maxShipments is the maximum number of shipments of an order, one that completes it apart.
const maxShipments = 100

// codeLineNotOrdered is the code of the problem of units of a product that the order does not have.
const codeLineNotOrdered = "line_not_ordered"

// codeNothingToShip is the code of the problem of an order of which nothing remains to be shipped.
const codeNothingToShip = "nothing_to_ship"

// shipmentCreated is the topic of the events about each shipment. The first one captures the
// payment.
var shipmentCreated = event.NewTopic[StatusChanged]("shipment-created", "order")

// Shipment is a parcel with units of an order.
type Shipment struct {
	ID uuid.UUID `json:"id" format:"uuid"`
	Tracking
	Lines     []Units   `json:"lines" nullable:"false"`
	CreatedAt time.Time `json:"createdAt"`
}

// Tracking is where a shipment can be followed.
type Tracking struct {
	Carrier        string `json:"carrier,omitempty" maxLength:"100" doc:"The carrier, as customers know it." example:"DHL"`
	TrackingNumber string `json:"trackingNumber,omitempty" maxLength:"100" example:"00340434161094021501"`
	TrackingURL    string `json:"trackingUrl,omitempty" maxLength:"1000" doc:"The page that shows where the shipment is: an absolute URL with https." example:"https://www.dhl.com/de-en/home/tracking.html?tracking-id=00340434161094021501"`
}

// Units are a number of units of an item of an order. The product identifies the item.
type Units struct {
	ProductID uuid.UUID `json:"productId" format:"uuid"`
	Quantity  int64     `json:"quantity" minimum:"1" maximum:"1000" example:"1"`
}

// parcel is a shipment that is to be created.
type parcel struct {
	Tracking
	units []Units // none: everything that remains
}

// ShipmentInEvent is a shipment in the payload of an event.
type ShipmentInEvent struct {
	ShipmentID     uuid.UUID      `json:"shipmentId"`
	Carrier        string         `json:"carrier,omitempty"`
	TrackingNumber string         `json:"trackingNumber,omitempty"`
	TrackingURL    string         `json:"trackingUrl,omitempty"`
	Lines          []UnitsInEvent `json:"lines"`
	// Complete is whether everything is shipped with this shipment. The event order-shipped is then
	// published, too.
	Complete bool `json:"complete"`
}

// UnitsInEvent are units of an item of an order in the payload of an event.
type UnitsInEvent struct {
	ProductID uuid.UUID `json:"productId"`
	Name      string    `json:"name"`
	Quantity  int64     `json:"quantity"`
}

// addShipment locks an order and ships units of it, for the shop: it stores the shipment, changes
// the status, and publishes the events. All shipments of an order are created here, one after the
// other, so that no unit is shipped twice.
func (s *service) addShipment(ctx context.Context, tx *database.Tx, orderID uuid.UUID, p parcel) (*Order, *Shipment, error) {
	o, actor, err := lockOrderForCaller(ctx, tx, orderID)
	if err != nil {
		return nil, nil, err
	}
	if !o.Status.CanTransitionTo(Shipped) {
		return nil, nil, statusConflict(&o, Shipped)
	}
	if len(p.units) == 0 {
		p.units = o.remainingUnits()
	}
	if len(p.units) == 0 {
		return nil, nil, nothingToShip()
	}
	shipment, err := o.ship(p, s.Now())
	if err != nil {
		return nil, nil, err
	}
	to := Shipped
	if len(o.remainingUnits()) > 0 {
		to = PartiallyShipped
	}
	if to == PartiallyShipped && len(o.Shipments) > maxShipments {
		return nil, nil, api.NewProblem(http.StatusConflict, "too_many_shipments", "An order has at most %d shipments. Ship everything that remains.", maxShipments)
	}
	if err := insertShipment(ctx, tx, &o, shipment); err != nil {
		return nil, nil, fmt.Errorf("insert a shipment of order %s: %w", o.ID, err)
	}
	e := o.newStatusChanged("")
	e.Shipment = o.newShipmentInEvent(shipment)
	if err := shipmentCreated.Add(ctx, tx, s.Outbox, o.ID, e); err != nil {
		return nil, nil, err
	}
	if _, err := s.changeStatuses(ctx, tx, to, statusChange{order: &o, actor: actor, cause: ctx, details: shipment.fields()}); err != nil {
		return nil, nil, err
	}
	return &o, shipment, nil
}

// nothingToShip returns the problem of an order of which all units were refunded before they were shipped.
func nothingToShip() *api.Problem {
	return api.NewProblem(http.StatusConflict, codeNothingToShip, "All units of the order were refunded and are for sale again. Cancel the order.")
}

// remainingUnits returns the units that are to be shipped.
func (o *Order) remainingUnits() (units []Units) {
	for i := range o.Items {
		if item := &o.Items[i]; item.remaining() > 0 {
			units = append(units, Units{item.ProductID, item.remaining()})
		}
	}
	return units
}

// ship adds a shipment to the order, or returns a problem if it does not have its units.
func (o *Order) ship(p parcel, now time.Time) (*Shipment, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create the id of a shipment: %w", err)
	}
	for _, units := range p.units {
		item := o.item(units.ProductID)
		if item == nil {
			return nil, lineNotOrdered(units.ProductID)
		}
		if units.Quantity > item.remaining() {
			return nil, api.NewProblem(http.StatusConflict, "quantity_not_shippable",
				"Of product %s, %d units were ordered, %d are shipped already, and %d were refunded and are for sale again. Ship %d or fewer.",
				item.ProductID, item.Quantity, item.Shipped, item.Withdrawn, item.remaining())
		}
		item.Shipped += units.Quantity
	}
	if o.isErased() {
		p.Tracking = Tracking{Carrier: p.Carrier} // the others lead to the address
	}
	o.Shipments = append(o.Shipments, Shipment{ID: id, Tracking: p.Tracking, Lines: p.units, CreatedAt: now})
	return &o.Shipments[len(o.Shipments)-1], nil
}

// item returns the item of a product, nil without one.
func (o *Order) item(product uuid.UUID) *Item {
	if line := o.line(product); line >= 0 {
		return &o.Items[line]
	}
	return nil
}

func lineNotOrdered(product uuid.UUID) *api.Problem {
	return api.NewProblem(http.StatusConflict, codeLineNotOrdered, "The order has no product %s. Send products of its items.", product)
}

// newShipmentInEvent returns a shipment of the order for an event.
func (o *Order) newShipmentInEvent(shipment *Shipment) *ShipmentInEvent {
	return &ShipmentInEvent{
		ShipmentID: shipment.ID, Carrier: shipment.Carrier, TrackingNumber: shipment.TrackingNumber, TrackingURL: shipment.TrackingURL,
		Lines: o.unitsInEvent(shipment.Lines), Complete: len(o.remainingUnits()) == 0,
	}
}

func (o *Order) unitsInEvent(all []Units) []UnitsInEvent {
	units := make([]UnitsInEvent, len(all))
	for i, u := range all {
		units[i] = UnitsInEvent{ProductID: u.ProductID, Quantity: u.Quantity}
		if item := o.item(u.ProductID); item != nil {
			units[i].Name = item.Name
		}
	}
	return units
}

// fields returns what the trail has of a shipment. The carrier's tracking leads to the address.
func (s *Shipment) fields() trail.Fields {
	return trail.Fields{
		"shipment":         trail.Fields{"id": s.ID, "carrier": s.Carrier, "lines": s.Lines},
		"shipmentTracking": trail.Personal(s.TrackingNumber + s.TrackingURL),
	}
}
