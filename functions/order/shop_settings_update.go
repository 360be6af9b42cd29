package order

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/pricing"
	"souk/shared/trail"
)

type updateShopSettingsInput struct {
	api.IfMatch
	Body struct {
		Currency         *string            `json:"currency,omitempty" pattern:"^[A-Z]{3}$" patternDescription:"a currency code of three capital letters" doc:"ISO 4217 code of the prices. It cannot change while there are discounts." example:"EUR"`
		PricesIncludeTax *bool              `json:"pricesIncludeTax,omitempty" doc:"Whether prices of products and of shipping, and the amounts of discounts, include tax."`
		TaxRates         *[]pricing.TaxRate `json:"taxRates,omitempty" nullable:"true" maxItems:"250"`
		Zones            *[]pricing.Zone    `json:"zones,omitempty" nullable:"true" maxItems:"20"`
	}
}

// Resolve implements huma.Resolver. It returns an error for each country that does not exist.
func (in *updateShopSettingsInput) Resolve(huma.Context) []error {
	var errs []error
	check := func(country, location string, args ...any) {
		if err := address.CheckCountry(country); err != nil && len(country) == 2 { // the schema refuses others
			errs = append(errs, api.FieldError{Location: fmt.Sprintf(location, args...), Code: api.FieldFormat, Message: err.Error()})
		}
	}
	if in.Body.TaxRates != nil {
		for i, rate := range *in.Body.TaxRates {
			check(rate.Country, "body.taxRates[%d].country", i)
		}
	}
	if in.Body.Zones != nil {
		for i := range *in.Body.Zones {
			for j, area := range (*in.Body.Zones)[i].Areas {
				check(area.Country, "body.zones[%d].areas[%d].country", i, j)
			}
		}
	}
	return errs
}

// shopSettingsUpdate handles PATCH /v1/settings.
//
// # Update the shop's settings
//
// Changes the fields that are sent; taxRates and zones are replaced as lists. The settings apply
// to orders that are placed from now on. Set the currency before anything else; amounts are minor
// units of it.
func (s *service) shopSettingsUpdate(ctx context.Context, in *updateShopSettingsInput) (*shopSettingsResponse, error) {
	var settings ShopSettings
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if settings, err = lockShopSettings(ctx, tx, s.Now()); err != nil {
			return err
		}
		if err := in.Check(settings.Version); err != nil {
			return err
		}
		before := settings.ShopRules
		in.apply(&settings.ShopRules)
		if reflect.DeepEqual(settings.ShopRules, before) {
			return nil
		}
		if errs := settings.check(); len(errs) > 0 {
			return api.InvalidFields(errs)
		}
		if err := requireCurrencyUnused(ctx, tx, before.Currency, settings.Currency); err != nil {
			return err
		}
		settings.Version++
		settings.UpdatedAt = s.Now()
		if err := updateShopSettings(ctx, tx, &settings); err != nil {
			return err
		}
		return trail.Record(ctx, tx, trail.Change{Resource: "settings", Before: before, After: settings.ShopRules, At: settings.UpdatedAt})
	})
	if err != nil {
		return nil, fmt.Errorf("update the shop's settings: %w", err)
	}
	return newShopSettingsResponse(settings), nil
}

// apply sets the fields that are sent.
func (in *updateShopSettingsInput) apply(rules *ShopRules) {
	set(&rules.Currency, in.Body.Currency)
	set(&rules.PricesIncludeTax, in.Body.PricesIncludeTax)
	set(&rules.TaxRates, in.Body.TaxRates)
	set(&rules.Zones, in.Body.Zones)
}

// set sets a field to a value, unless the value is nil.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// requireCurrencyUnused returns a problem for a change of the currency while there are discounts,
// which have amounts in it.
func requireCurrencyUnused(ctx context.Context, tx *database.Tx, from, to string) error {
	if from == to || from == "" {
		return nil
	}
	discounts, err := selectDiscounts(ctx, tx, uuid.Max, 1)
	if err != nil {
		return fmt.Errorf("read a discount: %w", err)
	}
	if len(discounts) > 0 {
		return api.NewProblem(http.StatusConflict, "currency_in_use", "There are discounts with amounts in %s. Delete the discounts, then change the currency.", from)
	}
	return nil
}
