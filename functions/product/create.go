package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/money"
)

type createInput struct {
	Body struct {
		SKU         string           `json:"sku" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, dots, underscores and hyphens, the first a letter or digit" maxLength:"64" doc:"The shop's own number of the product. It must be unique and cannot change." example:"TEA-ASSAM-250"`
		Name        string           `json:"name" minLength:"1" maxLength:"200" example:"Assam, 250 g"`
		Description string           `json:"description,omitempty" format:"multiline" maxLength:"10000" example:"A strong black tea."`
		Category    string           `json:"category,omitempty" maxLength:"64" example:"tea"`
		Price       money.PriceInput `json:"price"`
		Images      Images           `json:"images,omitempty"`
		Attributes  Attributes       `json:"attributes,omitempty"`
		Stock       int64            `json:"stock,omitempty" minimum:"0" maximum:"1000000000" doc:"The initial stock, in pieces." example:"50"`
	}
}

// create handles POST /v1/products.
//
// # Create a product
//
// The field stock sets the initial stock. Change it later with POST /v1/products/{id}/stock.
func (s *service) create(ctx context.Context, tx *database.Tx, in *createInput) (*productResponse, error) {
	if err := in.Body.Attributes.validate(); err != nil {
		return nil, api.Invalid("body.attributes", api.FieldFormat, "%v", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create a product id: %w", err)
	}
	now := s.Now()
	p := Product{
		ID: id, SKU: in.Body.SKU, Name: in.Body.Name, Description: in.Body.Description, Category: in.Body.Category,
		Images: in.Body.Images.orEmpty(), Attributes: in.Body.Attributes.orEmpty(),
		Price: in.Body.Price.In(s.settings.Currency), Available: in.Body.Stock, Status: Active, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	err = s.insertNew(ctx, tx, p)
	if database.IsDuplicate(err) {
		return nil, skuTaken(p.SKU)
	}
	if err != nil {
		return nil, fmt.Errorf("create product %s: %w", p.SKU, err)
	}
	response := newResponse(p)
	response.Location = "/v1/products/" + p.ID.String()
	return response, nil
}

// insertNew inserts a new product, its initial stock and its words, and adds the event
// to the outbox.
func (s *service) insertNew(ctx context.Context, tx *database.Tx, p Product) error {
	if err := insertProducts(ctx, tx, p); err != nil {
		return err
	}
	admin, _ := auth.PrincipalFrom(ctx)
	m := movement{ProductID: p.ID, Delta: p.Available, Reason: "first stock", By: admin.UserID, At: p.CreatedAt}
	if err := insertMovements(ctx, tx, m); err != nil {
		return err
	}
	if err := writeWords(ctx, tx, p); err != nil {
		return err
	}
	return s.publishChanged(ctx, tx, p)
}
