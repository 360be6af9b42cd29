package product

import (
	"context"
	"fmt"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/trail"
)

type createInput struct{ Body struct{ NewProduct } }

// create handles POST /v1/products.
//
// # Create a product
//
// The field stock sets the initial stock. Change it later with POST /v1/products/{id}/stock.
func (s *service) create(ctx context.Context, tx *database.Tx, in *createInput) (*staffResponse, error) {
	p, err := in.Body.product(s.settings, s.Now())
	if err != nil {
		return nil, err
	}
	err = s.insertNew(ctx, tx, p)
	if database.IsDuplicate(err) {
		return nil, skuTaken(p.SKU)
	}
	if err != nil {
		return nil, fmt.Errorf("create product %s: %w", p.SKU, err)
	}
	response := newStaffResponse(p)
	response.Location = "/v1/products/" + p.ID.String()
	return response, nil
}

// insertNew inserts a new product, its initial stock and its words, and adds the event
// to the outbox.
func (s *service) insertNew(ctx context.Context, tx *database.Tx, p Product) error {
	if err := insertProducts(ctx, tx, p); err != nil {
		return err
	}
	caller, _ := auth.PrincipalFrom(ctx)
	m := movement{ProductID: p.ID, Delta: p.Available, Reason: "first stock", By: caller.ID(), At: p.CreatedAt}
	if err := insertMovements(ctx, tx, m); err != nil {
		return err
	}
	if err := writeWords(ctx, tx, p); err != nil {
		return err
	}
	if err := trail.Record(ctx, tx, p.change(Product{}, p.CreatedAt)); err != nil {
		return err
	}
	return s.publishChanged(ctx, tx, p)
}
