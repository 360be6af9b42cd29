package order

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/money"
	"souk/shared/pricing"
	"souk/shared/trail"
)

type updateDiscountInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Name               *string       `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"The name that customers see." example:"Welcome"`
		Rate               *pricing.Rate `json:"rate,omitempty" minimum:"1" maximum:"1000000" doc:"Of the kind percentage, in millionths: 100000 is 10 %." example:"100000"`
		Amount             *money.Money  `json:"amount,omitempty" doc:"Of the kind amount: what is taken off, in the currency of the shop."`
		MinimumTotal       *money.Money  `json:"minimumTotal,omitempty" doc:"The least sum of an order's items, before discounts. An amount of 0 is no minimum."`
		ProductIDs         *[]uuid.UUID  `json:"productIds,omitempty" nullable:"true" maxItems:"200" format:"uuid" doc:"The discount applies only to these products and to those of the categories. Without both it applies to all."`
		Categories         *[]string     `json:"categories,omitempty" nullable:"true" maxItems:"200" maxLength:"64" doc:"The discount applies only to products of these categories and to those of productIds." example:"[\"tea\"]"`
		From               *time.Time    `json:"from,omitempty" doc:"The beginning of the period in which it applies."`
		Until              *time.Time    `json:"until,omitempty" doc:"The end of the period. The discount does not apply at this time. Send 9999-12-31T00:00:00Z for a period without an end."`
		MaxUses            *int64        `json:"maxUses,omitempty" minimum:"0" maximum:"1000000000" doc:"The maximum number of orders. 0 is no limit." example:"1000"`
		MaxUsesPerCustomer *int64        `json:"maxUsesPerCustomer,omitempty" minimum:"0" maximum:"1000000000" doc:"The maximum number of orders of one customer. 0 is no limit." example:"1"`
		Exclusive          *bool         `json:"exclusive,omitempty" doc:"Whether it is not combined with others."`
	}
}

// discountUpdate handles PATCH /v1/discounts/{id}.
//
// # Update a discount
//
// Changes the fields that are sent, for orders that are placed from now on. The code and the kind
// cannot change: create another discount instead.
func (s *service) discountUpdate(ctx context.Context, in *updateDiscountInput) (*discountResponse, error) {
	var d Discount
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		settings, err := lockShopSettings(ctx, tx, s.Now())
		if err != nil {
			return err
		}
		if d, err = lockDiscount(ctx, tx, in.ID); err != nil {
			return err
		}
		if err := in.Check(d.Version); err != nil {
			return err
		}
		before := d.DiscountRules
		in.apply(&d)
		if reflect.DeepEqual(d.DiscountRules, before) {
			return nil
		}
		if errs := d.check(settings.Currency); len(errs) > 0 {
			return api.InvalidFields(errs)
		}
		d.Version++
		d.UpdatedAt = s.Now()
		if err := updateDiscount(ctx, tx, &d); err != nil {
			return err
		}
		if err := trail.Record(ctx, tx, trail.Change{Resource: resourceDiscount, ID: d.ID, Before: before, After: d.DiscountRules, At: d.UpdatedAt}); err != nil {
			return err
		}
		return increaseRevision(ctx, tx)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("discount", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("update discount %s: %w", in.ID, err)
	}
	return newDiscountResponse(d), nil
}

// apply sets the fields that are sent.
func (in *updateDiscountInput) apply(d *Discount) {
	set(&d.Name, in.Body.Name)
	set(&d.Rate, in.Body.Rate)
	d.Amount = cmp.Or(in.Body.Amount, d.Amount)
	d.MinimumTotal = cmp.Or(in.Body.MinimumTotal, d.MinimumTotal)
	d.From, d.Until = cmp.Or(in.Body.From, d.From), cmp.Or(in.Body.Until, d.Until)
	set(&d.ProductIDs, in.Body.ProductIDs)
	set(&d.Categories, in.Body.Categories)
	set(&d.MaxUses, in.Body.MaxUses)
	set(&d.MaxUsesPerCustomer, in.Body.MaxUsesPerCustomer)
	set(&d.Exclusive, in.Body.Exclusive)
}
