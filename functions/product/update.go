package product

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

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
		Description *string           `json:"description,omitempty" format:"multiline" maxLength:"10000" example:"A strong black tea."`
		Category    *string           `json:"category,omitempty" maxLength:"64" example:"tea"`
		Price       *money.PriceInput `json:"price,omitempty"`
		Images      Images            `json:"images,omitempty"`
		Attributes  Attributes        `json:"attributes,omitempty"`
	}
}

// update changes the fields of a product that the caller sends. A new price holds
// for orders placed from now on; one placed at the old price and not yet decided is
// rejected. The currency of a product does not change: a product of another currency
// is another product.
func (s *service) update(ctx context.Context, in *updateInput) (*answer, error) {
	if err := in.Body.Attributes.check(); err != nil {
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
		in.apply(&p)
		p.Version++
		p.UpdatedAt = s.Now()
		if err := updateProduct(ctx, tx, p); err != nil {
			return err
		}
		if err := writeWords(ctx, tx, p); err != nil {
			return err
		}
		return s.tellChanged(ctx, tx, p)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("update product %s: %w", in.ID, err)
	}
	return show(p), nil
}

// checkCurrency refuses a price in another currency than the product's.
func (in *updateInput) checkCurrency(p Product) error {
	if in.Body.Price == nil || in.Body.Price.In(p.Price.Currency).Currency == p.Price.Currency {
		return nil
	}
	return api.NewProblem(http.StatusConflict, "currency_fixed",
		"The product is sold in %s, and its currency cannot change. Archive it, and create a product for the other currency.", p.Price.Currency)
}

func (in *updateInput) apply(p *Product) {
	set(&p.Name, in.Body.Name)
	set(&p.Description, in.Body.Description)
	set(&p.Category, in.Body.Category)
	if in.Body.Price != nil {
		p.Price = in.Body.Price.In(p.Price.Currency)
	}
	// As wholes: to keep an attribute, send it again.
	if in.Body.Images != nil {
		p.Images = in.Body.Images
	}
	if in.Body.Attributes != nil {
		p.Attributes = in.Body.Attributes
	}
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
