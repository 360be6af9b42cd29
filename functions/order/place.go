package order

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/money"
)

type placeInput struct {
	api.Prefer
	Body struct {
		Items           []placeItem            `json:"items" minItems:"1" maxItems:"50"`
		ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty"`
	}
}

type placeItem struct {
	ProductID uuid.UUID `json:"productId" format:"uuid"`
	Quantity  int64     `json:"quantity" minimum:"1" maximum:"1000" example:"1"`
}

// place takes an order at the shop's prices. Whether there is stock is decided
// right after; with Prefer: wait the answer tells.
func (s *service) place(ctx context.Context, in *placeInput) (*answer, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	customer, _ := auth.PrincipalFrom(ctx)
	o, err := s.newOrder(ctx, customer.UserID, in)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := s.checkLimits(ctx, tx, o); err != nil {
			return err
		}
		if err := insertOrder(ctx, tx, o); err != nil {
			return err
		}
		return s.Outbox.Add(ctx, tx, "order-placed", "order", o.ID, placed(o))
	})
	if err != nil {
		return nil, fmt.Errorf("place order %s: %w", o.ID, err)
	}
	wait, applied := in.Wait()
	if wait > 0 {
		if o, err = s.waitDecided(ctx, o, wait); err != nil {
			return nil, err
		}
	}
	taken := show(o)
	taken.Location, taken.PreferenceApplied = "/v1/orders/"+o.ID.String(), applied
	return taken, nil
}

func (in *placeInput) check() error {
	seen := map[uuid.UUID]bool{}
	for i, item := range in.Body.Items {
		if seen[item.ProductID] {
			return api.Invalid(fmt.Sprintf("body.items[%d].productId", i), api.FieldDuplicate, "is listed twice: add up its quantities")
		}
		seen[item.ProductID] = true
	}
	return nil
}

// newOrder makes the order from the service's own copy of names and prices.
func (s *service) newOrder(ctx context.Context, userID uuid.UUID, in *placeInput) (Order, error) {
	ids := make([]uuid.UUID, len(in.Body.Items))
	for i, item := range in.Body.Items {
		ids[i] = item.ProductID
	}
	catalog, err := selectCatalog(ctx, s.DB, ids)
	if err != nil {
		return Order{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Order{}, fmt.Errorf("make an order id: %w", err)
	}
	now := s.Now()
	o := Order{
		ID: id, UserID: userID, Status: Pending, ShippingAddress: in.Body.ShippingAddress,
		History: []Move{{Status: Pending, At: now, Actor: Customer, actorID: userID}}, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	for i, wanted := range in.Body.Items {
		entry, known := catalog[wanted.ProductID]
		if !known || entry.Status != activeProduct {
			return Order{}, unavailable(wanted.ProductID)
		}
		if err := o.addItem(entry, wanted.Quantity); err != nil {
			return Order{}, api.Invalid(fmt.Sprintf("body.items[%d]", i), api.FieldRange, "%v", err)
		}
	}
	return o, nil
}

// addItem adds a line and its price. Its error is for the customer.
func (o *Order) addItem(entry catalogEntry, quantity int64) error {
	line, err := entry.Price.Times(quantity)
	if err != nil {
		return fmt.Errorf("too much: %w", err)
	}
	if len(o.Items) == 0 {
		o.Total = money.Money{Currency: line.Currency}
	}
	if o.Total, err = o.Total.Plus(line); err != nil {
		return fmt.Errorf("cannot be in one order with the items before: %w", err)
	}
	o.Items = append(o.Items, Item{
		ProductID: entry.ProductID, Name: entry.Name, UnitPrice: entry.Price, Quantity: quantity, LineTotal: line,
	})
	return nil
}

// unavailable is the answer for a product that the shop does not sell, or does not
// sell yet: a new product reaches this service a moment after it was created.
func unavailable(id uuid.UUID) error {
	return api.NewProblem(http.StatusConflict, "product_unavailable",
		"Product %s is not for sale. If it was created just now, try again in a second.", id).
		WithHeader("Retry-After", "1")
}

func placed(o Order) Placed {
	e := Placed{OrderID: o.ID, UserID: o.UserID, Total: o.Total}
	for _, item := range o.Items {
		e.Items = append(e.Items, PlacedItem{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice})
	}
	return e
}

// How often waitDecided looks: soon at first, for most orders are decided within
// some milliseconds, then less often, for the rest take long.
const (
	firstLook   = 5 * time.Millisecond
	longestLook = 100 * time.Millisecond
)

// waitDecided returns the order once it is no longer pending, or as it is when
// the time is over or the process is to stop: it is placed either way. Another function decides it, so the
// database is where to look.
func (s *service) waitDecided(ctx context.Context, o Order, wait time.Duration) (Order, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for pause := firstLook; ; pause = min(2*pause, longestLook) {
		look := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			look.Stop()
			return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, ctx.Err())
		case <-over.C:
			look.Stop()
			return o, nil
		case <-function.Stopping(ctx):
			look.Stop()
			return o, nil
		case <-look.C:
		}
		status, err := selectStatus(ctx, s.DB, o.ID)
		if err != nil {
			return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, err)
		}
		if status != Pending {
			return selectOrder(ctx, s.DB, o.ID)
		}
	}
}
