package order

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
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

// Resolve implements huma.Resolver. It returns an error for each item whose product is
// already in an earlier item.
func (in *placeInput) Resolve(huma.Context) []error {
	var errs []error
	seen := map[uuid.UUID]bool{}
	for i, item := range in.Body.Items {
		if seen[item.ProductID] {
			errs = append(errs, api.FieldError{
				Location: fmt.Sprintf("body.items[%d].productId", i), Code: api.FieldDuplicate,
				Message: "is a duplicate: list each product once, with the total quantity",
			})
		}
		seen[item.ProductID] = true
	}
	return errs
}

// place handles POST /v1/orders. It stores the order as pending. The function stock-reserve
// then reserves the stock, after which the order is confirmed or rejected.
//
// # Place an order
//
// The order gets the shop's current prices. It is pending until its stock is reserved, and
// then confirmed or rejected, usually within a second: poll the order, or send Prefer: wait
// to get the new status in the response. A replayed response contains the order as it was
// placed: get its Location for the current status.
func (s *service) place(ctx context.Context, tx *database.Tx, in *placeInput) (*orderResponse, error) {
	customer, _ := auth.PrincipalFrom(ctx)
	o, err := s.newOrder(ctx, tx, customer.UserID, in)
	if err != nil {
		return nil, err
	}
	if err := s.checkLimits(ctx, tx, o); err != nil {
		return nil, err
	}
	if err := insertOrder(ctx, tx, o); err != nil {
		return nil, fmt.Errorf("place order %s: %w", o.ID, err)
	}
	if err := orderPlaced.Add(ctx, tx, s.Outbox, o.ID, newPlaced(o)); err != nil {
		return nil, fmt.Errorf("place order %s: %w", o.ID, err)
	}
	// A metric in terraform/synthetic.tf counts this log entry.
	tx.AfterCommit(func(ctx context.Context) {
		slog.InfoContext(ctx, "order placed", "order", o.ID, "synthetic", s.settings.isSynthetic(o.UserID))
	})
	return newResponseWithLocation(o), nil
}

// newResponseWithLocation returns the response of order-place, with the order's URL in
// Location.
func newResponseWithLocation(o Order) *orderResponse {
	response := newResponse(o)
	response.Location = "/v1/orders/" + o.ID.String()
	return response
}

// newOrder returns a new order, with names and prices from this service's copy of the
// catalogue.
func (s *service) newOrder(ctx context.Context, tx *database.Tx, userID uuid.UUID, in *placeInput) (Order, error) {
	ids := make([]uuid.UUID, len(in.Body.Items))
	for i, item := range in.Body.Items {
		ids[i] = item.ProductID
	}
	catalog, err := selectCatalog(ctx, tx, ids)
	if err != nil {
		return Order{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Order{}, fmt.Errorf("create an order id: %w", err)
	}
	now := s.Now()
	o := Order{
		ID: id, UserID: userID, Status: Pending, ShippingAddress: in.Body.ShippingAddress,
		History: []HistoryEntry{{Status: Pending, At: now, Actor: Customer, actorID: userID}}, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	for i, item := range in.Body.Items {
		entry, found := catalog[item.ProductID]
		if !found {
			return Order{}, productUnknown(item.ProductID)
		}
		if entry.Status != activeProduct {
			return Order{}, productUnavailable(item.ProductID)
		}
		if err := o.addItem(entry, item.Quantity); err != nil {
			return Order{}, api.Invalid(fmt.Sprintf("body.items[%d]", i), api.FieldRange, "%v", err)
		}
	}
	return o, nil
}

// addItem adds an item and its price. The text of its error is part of a response.
func (o *Order) addItem(entry catalogEntry, quantity int64) error {
	lineTotal, err := entry.Price.Times(quantity)
	if err != nil {
		return fmt.Errorf("exceeds the maximum amount: %w", err)
	}
	if len(o.Items) == 0 {
		o.Total = money.Money{Currency: lineTotal.Currency}
	}
	if o.Total, err = o.Total.Plus(lineTotal); err != nil {
		return fmt.Errorf("cannot be in one order with the items before it: %w", err)
	}
	o.Items = append(o.Items, Item{
		ProductID: entry.ProductID, Name: entry.Name, UnitPrice: entry.Price, Quantity: quantity, LineTotal: lineTotal,
	})
	return nil
}

// productUnavailable returns the problem for a product that is not for sale.
func productUnavailable(id uuid.UUID) *api.Problem {
	return api.NewProblem(http.StatusConflict, "product_unavailable", "Product %s is not for sale. Order without it.", id)
}

// productUnknown returns the problem for a product that is not in this service's copy of
// the catalogue. A new product is copied shortly after its creation.
func productUnknown(id uuid.UUID) *api.Problem {
	problem := productUnavailable(id)
	problem.Detail += " If it was created just now, retry after one second."
	return problem.WithHeader("Retry-After", "1")
}

func newPlaced(o Order) Placed {
	e := Placed{OrderID: o.ID, UserID: o.UserID, Total: o.Total}
	for _, item := range o.Items {
		e.Items = append(e.Items, PlacedItem{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice})
	}
	return e
}
