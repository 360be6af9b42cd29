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
	"souk/shared/money"
)

type updateInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Name        *string           `json:"name,omitempty" minLength:"1" maxLength:"200" example:"Assam, 250 g"`
		Description *string           `json:"description,omitempty" nullable:"true" format:"multiline" maxLength:"10000" example:"A strong black tea."`
		Category    *string           `json:"category,omitempty" nullable:"true" maxLength:"64" example:"tea"`
		Price       *money.PriceInput `json:"price,omitempty"`
		Images      Images            `json:"images,omitempty" nullable:"true"`
		Attributes  attributeChanges  `json:"attributes,omitempty"` //nolint:modernize // huma derives optional from it
	}
}

// update handles PATCH /v1/products/{id}.
//
// # Update a product
//
// Changes the fields that are sent. Images are replaced as a list; attributes are
// merged, and one that is null is removed. A new price applies to orders placed from
// now on; an order that was placed at the old price and is not decided yet is rejected.
// The currency of a product cannot change: create another product instead.
func (s *service) update(ctx context.Context, in *updateInput) (*productResponse, error) {
	if err := in.Body.Attributes.set.validate(); err != nil {
		return nil, api.Invalid("body.attributes", api.FieldFormat, "%v", err)
	}
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
		in.apply(&p)
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
		return s.publishChanged(ctx, tx, p)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("update product %s: %w", in.ID, err)
	}
	return newResponse(p), nil
}

// checkCurrency returns a problem for a price in another currency than the product's.
func (in *updateInput) checkCurrency(p Product) error {
	if in.Body.Price == nil || in.Body.Price.In(p.Price.Currency).Currency == p.Price.Currency {
		return nil
	}
	return api.NewProblem(http.StatusConflict, "currency_fixed",
		"The currency of the product is %s and cannot change. To sell it in another currency, archive it and create a new product.", p.Price.Currency)
}

// apply sets the fields of the product that are sent.
func (in *updateInput) apply(p *Product) {
	set(&p.Name, in.Body.Name)
	set(&p.Description, in.Body.Description)
	set(&p.Category, in.Body.Category)
	if in.Body.Price != nil {
		p.Price = in.Body.Price.In(p.Price.Currency)
	}
	if in.Body.Images != nil {
		p.Images = in.Body.Images
	}
	p.Attributes = in.Body.Attributes.apply(p.Attributes)
}

// set sets a field to a value, unless the value is nil.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
