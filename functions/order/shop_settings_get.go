package order

import "context"

// shopSettingsGet handles GET /v1/settings.
//
// # Get the shop's settings
//
// The currency, the tax rates and the shipping. Amounts are minor units of the currency.
func (s *service) shopSettingsGet(ctx context.Context, _ *struct{}) (*shopSettingsResponse, error) {
	settings, err := selectShopSettings(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	return newShopSettingsResponse(settings), nil
}
