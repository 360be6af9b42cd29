package product

import (
	"fmt"

	"souk/shared/money"
)

// settings are the environment variables of the product service.
type settings struct {
	// Currency is the shop's currency. It applies to a new product whose price has none.
	Currency string `env:"SHOP_CURRENCY" envDefault:"EUR"`
}

func (s settings) validate() error {
	if err := money.CheckCurrency(s.Currency); err != nil {
		return fmt.Errorf("SHOP_CURRENCY: %w", err)
	}
	return nil
}
