package product

import (
	"errors"
	"fmt"

	"souk/shared/money"
)

// settings are the environment variables of the product service.
type settings struct {
	// Currency is the shop's currency. It applies to a new product whose price has none.
	Currency string `env:"SHOP_CURRENCY" envDefault:"EUR"`

	// MaxUnpaidShare is how many percent of the units of a product the unpaid orders of one
	// customer, and those of one network, may hold. With 100 there is no limit.
	MaxUnpaidShare int64 `env:"PRODUCT_MAX_UNPAID_SHARE" envDefault:"50"`

	// MinUnpaidUnits is how many units of a product an order may have in any case if its customer
	// and its network have no other unpaid units of it.
	MinUnpaidUnits int64 `env:"PRODUCT_MIN_UNPAID_UNITS" envDefault:"5"`

	// LowStockAt is the threshold of the low stock of a new product that has none of its own;
	// noThreshold for none.
	LowStockAt int64 `env:"PRODUCT_LOW_STOCK_AT" envDefault:"-1"`
}

const noThreshold = -1

// lowStockAt returns the threshold of a new product, nil for none.
func (s settings) lowStockAt() *int64 {
	if s.LowStockAt == noThreshold {
		return nil
	}
	return &s.LowStockAt
}

// wholeShare is 100 %.
const wholeShare = 100

func (s settings) validate() error {
	var errs []error
	if err := money.CheckCurrency(s.Currency); err != nil {
		errs = append(errs, fmt.Errorf("SHOP_CURRENCY: %w", err))
	}
	if s.MaxUnpaidShare < 1 || s.MaxUnpaidShare > wholeShare {
		errs = append(errs, fmt.Errorf("PRODUCT_MAX_UNPAID_SHARE is %d: must be from 1 to 100 percent", s.MaxUnpaidShare))
	}
	if s.MinUnpaidUnits < 1 {
		errs = append(errs, fmt.Errorf("PRODUCT_MIN_UNPAID_UNITS is %d: must be at least 1", s.MinUnpaidUnits))
	}
	if s.LowStockAt < noThreshold || s.LowStockAt > MaxStock {
		errs = append(errs, fmt.Errorf("PRODUCT_LOW_STOCK_AT is %d: must be from 0 to %d units, or -1 for no threshold", s.LowStockAt, int64(MaxStock)))
	}
	return errors.Join(errs...)
}
