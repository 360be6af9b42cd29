package order

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type createDiscountInput struct{ Body DiscountRules }

// discountCreate handles POST /v1/discounts.
//
// # Create a discount
//
// A discount with a code applies to orders that name the code, one without to every order that
// fulfils its conditions. Amounts are in the currency of the shop. A shop has at most 100
// automatic discounts.
func (s *service) discountCreate(ctx context.Context, tx *database.Tx, in *createDiscountInput) (*discountResponse, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create a discount id: %w", err)
	}
	now := s.Now()
	d := Discount{ID: id, DiscountRules: in.Body, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := s.lockAndCheck(ctx, tx, &d); err != nil {
		return nil, err
	}
	if d.Code == "" {
		if err := requireFewAutomatic(ctx, tx); err != nil {
			return nil, err
		}
	}
	if err := insertDiscount(ctx, tx, &d); database.IsDuplicate(err) {
		return nil, codeTaken(d.Code)
	} else if err != nil {
		return nil, fmt.Errorf("create a discount: %w", err)
	}
	if err := trail.Record(ctx, tx, trail.Change{Resource: resourceDiscount, ID: d.ID, After: d.DiscountRules, At: now}); err != nil {
		return nil, fmt.Errorf("create a discount: %w", err)
	}
	if err := increaseRevision(ctx, tx); err != nil {
		return nil, fmt.Errorf("create a discount: %w", err)
	}
	response := newDiscountResponse(d)
	response.Location = "/v1/discounts/" + d.ID.String()
	return response, nil
}

// lockAndCheck locks the shop's settings, so that changes of discounts and of the currency are
// made one after the other, and checks a discount that is to be stored.
func (s *service) lockAndCheck(ctx context.Context, tx *database.Tx, d *Discount) error {
	settings, err := lockShopSettings(ctx, tx, s.Now())
	if err != nil {
		return err
	}
	if settings.Currency == "" {
		return currencyNotSet()
	}
	if errs := d.check(settings.Currency); len(errs) > 0 {
		return api.InvalidFields(errs)
	}
	return nil
}

// requireFewAutomatic returns a problem if the shop has maxAutomaticDiscounts.
func requireFewAutomatic(ctx context.Context, tx *database.Tx) error {
	automatic, err := selectAutomaticDiscounts(ctx, tx)
	if err != nil {
		return err
	}
	if len(automatic) >= maxAutomaticDiscounts {
		return api.NewProblem(http.StatusConflict, "too_many_discounts",
			"The shop has %d automatic discounts, which is the limit. Delete one, or create a discount with a code.", maxAutomaticDiscounts)
	}
	return nil
}
