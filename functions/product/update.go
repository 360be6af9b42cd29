package product

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type updateInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct{ Fields }
}

// update handles PATCH /v1/products/{id}.
//
// # Update a product
//
// Changes the fields that are sent. Images are replaced as a list; attributes are
// merged, and one that is null is removed. A new price applies to orders placed from
// now on; an order that was placed at the old price and is still pending is rejected.
// The currency of a product cannot change: create another product instead.
func (s *service) update(ctx context.Context, in *updateInput) (*staffResponse, error) {
	var p Product
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if p, err = lockProduct(ctx, tx, in.ID); err != nil {
			return err
		}
		if err := in.Check(p.Version); err != nil {
			return err
		}
		if err := in.checkCurrency(p); err != nil {
			return err
		}
		before := p
		in.Body.apply(&p)
		if len(p.Attributes) > maxAttributes {
			return api.Invalid("body.attributes", api.FieldTooMany, "the product would have more than %d attributes: remove some with null", maxAttributes)
		}
		if reflect.DeepEqual(p, before) {
			return nil
		}
		p.Version++
		p.UpdatedAt = s.Now()
		if err := updateProduct(ctx, tx, p); err != nil {
			return err
		}
		if err := writeWords(ctx, tx, p); err != nil {
			return err
		}
		if err := trail.Record(ctx, tx, p.change(before, p.UpdatedAt)); err != nil {
			return err
		}
		return s.publishChanged(ctx, tx, p)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("update product %s: %w", in.ID, err)
	}
	return newStaffResponse(p), nil
}

// checkCurrency returns a problem for a price in another currency than the product's.
func (in *updateInput) checkCurrency(p Product) error {
	if in.Body.Price == nil || in.Body.Price.In(p.Price.Currency).Currency == p.Price.Currency {
		return nil
	}
	return api.NewProblem(http.StatusConflict, "currency_fixed",
		"The currency of the product is %s and cannot change. To sell it in another currency, archive it and create a new product.", p.Price.Currency)
}
