package order

import (
	"encoding/json"
	"fmt"
	"time"

	"souk/shared/api"
	"souk/shared/pricing"
)

// ShopSettings are the shop's rules for prices, except the discounts.
type ShopSettings struct {
	ShopRules
	Version   int64     `json:"version" doc:"The number of the settings' current version. It is also the ETag." example:"2"`
	UpdatedAt time.Time `json:"updatedAt,omitzero" doc:"It is absent until settings are stored."`
}

// ShopRules are the fields of the settings that the shop sets.
type ShopRules struct {
	Currency         string            `json:"currency" doc:"ISO 4217 code of the prices. It is empty until it is set; then products of every currency can be ordered, and neither tax nor shipping is charged." example:"EUR" trail:"value"`
	PricesIncludeTax bool              `json:"pricesIncludeTax" doc:"Whether prices of products and of shipping, and the amounts of discounts, include tax." trail:"value"`
	TaxRates         []pricing.TaxRate `json:"taxRates" nullable:"false" trail:"value"`
	Zones            []pricing.Zone    `json:"zones" nullable:"false" doc:"The zones that the shop ships to. Without zones, orders need no address and no shipping is charged." trail:"value"`
}

// shopSettingsResponse is a response that contains the settings.
type shopSettingsResponse = api.Resource[ShopSettings]

func newShopSettingsResponse(s ShopSettings) *shopSettingsResponse {
	return &shopSettingsResponse{ETag: api.ETag(s.Version), Body: s}
}

// initialShopSettings returns the settings of a shop that has stored none.
func initialShopSettings() ShopSettings {
	return ShopSettings{ShopRules: ShopRules{TaxRates: []pricing.TaxRate{}, Zones: []pricing.Zone{}}, Version: 1}
}

// pricing returns the settings in the form that quotes are computed from.
func (r *ShopRules) pricing() pricing.Settings {
	return pricing.Settings{Currency: r.Currency, PricesIncludeTax: r.PricesIncludeTax, TaxRates: r.TaxRates, Zones: r.Zones}
}

// areInitial reports whether nothing is set.
func (r *ShopRules) areInitial() bool {
	return r.Currency == "" && !r.PricesIncludeTax && len(r.TaxRates) == 0 && len(r.Zones) == 0
}

// check returns the errors of the rules, with their locations in a request.
func (r *ShopRules) check() []api.FieldError {
	if r.areInitial() {
		return nil
	}
	settings := r.pricing()
	errs := settings.Check()
	for i := range errs {
		errs[i].Location = "body." + errs[i].Location
	}
	return errs
}

// encode returns the rules as they are stored.
func (r *ShopRules) encode() ([]byte, error) {
	rules, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the shop's settings: %w", err)
	}
	return rules, nil
}

// decode sets the rules to stored ones.
func (r *ShopRules) decode(rules []byte) error {
	*r = initialShopSettings().ShopRules
	if err := json.Unmarshal(rules, r); err != nil {
		return fmt.Errorf("decode the shop's settings: %w", err)
	}
	return nil
}
